create table public.firms (
  id integer generated always as identity primary key,
  run_by uuid not null references public.users (id) on delete cascade
);
create index on public.firms (run_by);
create table public.vans (
  id integer generated always as identity primary key,
  owner integer not null references public.firms (id) on delete cascade,
  plate text not null
);
create index on public.vans (owner);
alter table public.firms enable row level security, force row level security;
alter table public.vans enable row level security, force row level security;
create policy firms_own on public.firms for select to authenticated using (run_by = (select auth.uid()));
create policy vans_own on public.vans for all to authenticated
  using (owner in (select f.id from public.firms f where f.run_by = (select auth.uid())))
  with check (owner in (select f.id from public.firms f where f.run_by = (select auth.uid())));
grant select on public.firms to authenticated;
grant select, delete, insert (owner, plate), update (plate) on public.vans to authenticated;
