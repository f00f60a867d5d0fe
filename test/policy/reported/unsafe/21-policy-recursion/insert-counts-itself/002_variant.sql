-- At most ten rows a user: the check reads the table whose policy reads it.
create table public.alarms (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade
);
create index on public.alarms (user_id);
alter table public.alarms enable row level security, force row level security;
create policy alarms_own on public.alarms for all to authenticated
  using (user_id = (select auth.uid()) and (select count(*) from public.alarms a where a.user_id = (select auth.uid())) <= 10)
  with check (user_id = (select auth.uid()));
grant select, delete, insert (user_id) on public.alarms to authenticated;
