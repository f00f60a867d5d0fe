-- unsafe: a definer trigger fetches the text of another row from a cursor
-- rows: insert into public.notes (user_id, body) values (:b, 'of b')
-- as: authenticated a
-- query: insert into public.notes (user_id, body) values (:a, 'x') returning body
-- returns: of b

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
create policy notes_migrator on public.notes for select to migrator using (true);
grant select, insert (user_id, body), delete on public.notes to authenticated;
create function public.fetch_latest() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  notes cursor for select n.body from public.notes n;
  latest text;
begin
  open notes;
  fetch notes into latest;
  new.body := coalesce(latest, new.body);
  return new;
end $$;
revoke all on function public.fetch_latest() from public;
create trigger fetch_latest before insert on public.notes
  for each row execute function public.fetch_latest();
