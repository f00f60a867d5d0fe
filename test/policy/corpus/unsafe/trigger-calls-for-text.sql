-- unsafe: a definer trigger takes the text of another row from a function
-- rows: insert into public.notes (user_id, body) values (:b, 'of b')
-- as: authenticated a
-- query: insert into public.notes (user_id, body) values (:a, 'x') returning body
-- returns: x of b

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
create function public.latest() returns text language sql set search_path = '' as 'select n.body from public.notes n limit 1';
revoke all on function public.latest() from public;
create function public.tidy() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  new.body := concat_ws(' ', new.body, public.latest());
  return new;
end $$;
revoke all on function public.tidy() from public;
create trigger tidy before insert on public.notes
  for each row execute function public.tidy();
