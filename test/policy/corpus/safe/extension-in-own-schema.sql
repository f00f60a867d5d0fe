-- safe: an extension in a schema of its own, whose functions are the extension's
-- rows: insert into public.contacts (user_id, email) values (:a, 'A@x'), (:b, 'B@x')
-- as: authenticated a
-- query: select count(*) from public.contacts where email operator(extensions.=) 'a@X'::extensions.citext
-- returns: 1

create schema extensions;
grant usage on schema extensions to authenticated;
create extension citext with schema extensions;
create table public.contacts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  email extensions.citext not null
);
create index on public.contacts (user_id);
alter table public.contacts enable row level security, force row level security;
create policy contacts_own on public.contacts for select to authenticated using (user_id = (select auth.uid()));
grant select on public.contacts to authenticated;
