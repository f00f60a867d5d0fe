-- unsafe: a view over users for the sign-up page
-- on: 001
-- as: authenticated a
-- query: select count(*) from public.people
-- returns: 2

create view public.people as select id, email from public.users;
grant select on public.people to authenticated;
