-- why: rows are those of the user's email address

create table public.invites (
  id uuid primary key default gen_random_uuid(),
  email text not null
);
alter table public.invites enable row level security, force row level security;
create policy i on public.invites for select to authenticated
  using (email = (select u.email from public.users u where u.id = (select auth.uid())));
grant select on public.invites to authenticated;
