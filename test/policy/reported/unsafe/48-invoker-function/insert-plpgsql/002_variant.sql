create table public.pets (
  id uuid primary key default gen_random_uuid(),
  keeper uuid not null references public.users (id) on delete cascade,
  chip integer unique,
  called text not null
);
create index on public.pets (keeper);
alter table public.pets enable row level security, force row level security;
create policy pets_own on public.pets for all to authenticated
  using (keeper = (select auth.uid())) with check (keeper = (select auth.uid()));
grant select, delete, insert (keeper, chip, called), update (called) on public.pets to authenticated;
create policy pets_migrator on public.pets for select to migrator using (true);
create policy pets_migrator_add on public.pets for insert to migrator with check (true);
create function public.add_pet(number integer, wanted text) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  made uuid;
begin
  insert into public.pets (keeper, chip, called) values (auth.uid(), number, wanted) returning id into made;
  return made;
exception when unique_violation then
  return (select p.keeper from public.pets p where p.chip = number);
end
$$;
revoke all on function public.add_pet(integer, text) from public;
grant execute on function public.add_pet(integer, text) to authenticated;
