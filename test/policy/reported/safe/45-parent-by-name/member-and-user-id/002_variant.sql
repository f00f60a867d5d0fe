-- user_id is the driver's licence number, member_id the person.
create table public.licences (
  user_id text primary key,
  member_id uuid not null references public.users (id) on delete cascade
);
create index on public.licences (member_id);
alter table public.licences enable row level security, force row level security;
create policy licences_own on public.licences for select to authenticated
  using (member_id = (select auth.uid()));
grant select on public.licences to authenticated;
