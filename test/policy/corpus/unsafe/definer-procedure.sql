-- unsafe: a procedure that writes for anybody
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: call public.p()
-- proof: select count(*) from public.notes where body = ''
-- returns: 2

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
alter table public.notes enable row level security, force row level security;
create index on public.notes (user_id);
create policy notes_own on public.notes
  for select to authenticated
  using ((select auth.uid()) = user_id);
grant select on public.notes to authenticated;
create policy m on public.notes
  for all to migrator
  using (true)
  with check (true);
create procedure public.p() language sql security definer set search_path = ''
  as 'update public.notes set body = ''''';
revoke all on procedure public.p() from public;
grant execute on procedure public.p() to authenticated;
