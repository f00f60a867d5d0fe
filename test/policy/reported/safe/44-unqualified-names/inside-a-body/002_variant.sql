create table public.hours (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade
);
create index hours_user_id on public.hours (user_id);
alter table public.hours enable row level security, force row level security;
create policy hours_own on public.hours for select to authenticated using (user_id = (select auth.uid()));
grant select on public.hours to authenticated;
create function public.my_hours() returns bigint
language sql stable set search_path = public as 'select count(*) from hours';
revoke all on function public.my_hours() from public;
grant execute on function public.my_hours() to authenticated;
