create table public.circles (id uuid primary key default gen_random_uuid());
create table public.circle_people (
  circle uuid not null references public.circles (id) on delete cascade,
  person uuid not null references public.users (id) on delete cascade,
  primary key (circle, person)
);
create index on public.circle_people (person);
alter table public.circles enable row level security, force row level security;
alter table public.circle_people enable row level security, force row level security;
create policy circles_read on public.circles for select to authenticated
  using (id in (select p.circle from public.circle_people p where p.person = (select auth.uid())));
create policy people_read on public.circle_people for select to authenticated
  using (person = (select auth.uid()));
grant select on public.circles, public.circle_people to authenticated;
