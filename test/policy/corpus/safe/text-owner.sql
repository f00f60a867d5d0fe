-- safe: the owner's id as text
-- rows: insert into public.devices (user_id, token_hash) values (:a, 'x'), (:b, 'y')
-- as: authenticated a
-- query: select count(*) from public.devices
-- returns: 1

create domain public.user_ref as text check (value ~ '^[0-9a-f-]{36}$');
create table public.devices (
  id integer generated always as identity primary key,
  user_id public.user_ref not null,
  token_hash text not null unique
);
create index on public.devices (user_id);
alter table public.devices enable row level security, force row level security;
create policy devices_own on public.devices for select to authenticated using (user_id = (select auth.uid())::text);
grant select (id, user_id) on public.devices to authenticated;
