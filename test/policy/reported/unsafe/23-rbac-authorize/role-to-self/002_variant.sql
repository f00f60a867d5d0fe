create type public.duty as enum ('guard', 'cook');
create table public.duties (
  person uuid not null references public.users (id) on delete cascade,
  duty public.duty not null,
  primary key (person, duty)
);
create table public.incidents (
  id bigint generated always as identity primary key,
  seen_by uuid not null references public.users (id) on delete cascade,
  what text not null
);
create index on public.incidents (seen_by);
alter table public.duties enable row level security, force row level security;
alter table public.incidents enable row level security, force row level security;
create policy duties_migrator on public.duties for all to migrator using (true) with check (true);
create function public.has_duty(wanted public.duty) returns boolean
language plpgsql stable security definer set search_path = '' as $$
declare
  found_one integer;
begin
  select count(*) into found_one from public.duties d where d.person = auth.uid() and d.duty = wanted;
  return found_one > 0;
end
$$;
revoke all on function has_duty(public.duty) from public;
grant execute on function has_duty(public.duty) to authenticated;
create policy duties_own on public.duties for all to authenticated
  using (person = (select auth.uid())) with check (person = (select auth.uid()));
create policy incidents_own on public.incidents for all to authenticated
  using (seen_by = (select auth.uid())) with check (seen_by = (select auth.uid()));
create policy incidents_guard on public.incidents for select to authenticated
  using ((select public.has_duty('guard')));
grant select, insert, delete on public.duties to authenticated;
grant select, delete, insert (seen_by, what), update (what) on public.incidents to authenticated;
