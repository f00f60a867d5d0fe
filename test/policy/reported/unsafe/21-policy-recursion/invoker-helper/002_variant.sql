create table public.labs (id uuid primary key default gen_random_uuid());
create table public.lab_staff (
  lab_id uuid not null references public.labs (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  primary key (lab_id, user_id)
);
create index on public.lab_staff (user_id);
alter table public.labs enable row level security, force row level security;
alter table public.lab_staff enable row level security, force row level security;
create function public.my_labs() returns setof uuid
language sql stable security invoker set search_path = '' as $$
  select s.lab_id from public.lab_staff s where s.user_id = auth.uid()
$$;
revoke all on function public.my_labs() from public;
grant execute on function public.my_labs() to authenticated;
create policy staff_migrator on public.lab_staff for select to migrator using (true);
create policy staff_read on public.lab_staff for select to authenticated
  using (lab_id in (select public.my_labs()));
create policy labs_read on public.labs for select to authenticated using (id in (select public.my_labs()));
grant select on public.labs, public.lab_staff to authenticated;
