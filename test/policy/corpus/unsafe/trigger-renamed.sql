-- unsafe: the trigger runs the same function under its new name
-- rows: insert into public.notes (user_id, body) values (:b, 'of b')
-- as: authenticated a
-- query: insert into public.notes (user_id, body) values (:a, 'x') returning previous
-- returns: of b

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default '',
  previous text,
  created_at timestamptz not null default now()
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
create policy notes_migrator on public.notes for select to migrator using (true);
grant select, insert (user_id, body) on public.notes to authenticated;
create function public.remember_previous() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  new.previous := (select n.body from public.notes n order by n.created_at desc limit 1);
  return new;
end $$;
revoke all on function public.remember_previous() from public;
create trigger remember_previous before insert on public.notes
  for each row execute function public.remember_previous();
alter function public.remember_previous() rename to keep_previous;
