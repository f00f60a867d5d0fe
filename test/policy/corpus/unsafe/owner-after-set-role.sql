-- unsafe: made by an application role
-- run-by: superuser
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: alter table public.notes disable row level security; select count(*) from public.notes
-- returns: 2

grant create on schema public to authenticated;
set local role authenticated;
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  body text not null default ''
);
alter table public.notes enable row level security, force row level security;
reset role;
