-- safe: rooms of whose members I am one
-- rows: insert into public.rooms (member_ids) values (array[:a]::uuid[]), (array[:b]::uuid[])
-- as: authenticated a
-- query: select count(*) from public.rooms
-- returns: 1

create table public.rooms (id uuid primary key default gen_random_uuid(), name text, member_ids uuid[] not null);
alter table public.rooms enable row level security, force row level security;
create policy r on public.rooms for select to authenticated using ((select auth.uid()) = any (member_ids));
grant select on public.rooms to authenticated;
