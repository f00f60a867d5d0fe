-- safe: a subscriber with the plan of the staff reads all reports; users set their name
-- rows: insert into public.reports (author, body) values (:b, 'b'); insert into public.profiles (id) values (:a)
-- as: authenticated a
-- query: update public.profiles set name = 'x' where id = :a; select count(*) from public.reports
-- returns: 0

create table public.profiles (id uuid primary key references public.users (id) on delete cascade, name text, plan text not null default 'free' check (plan in ('free', 'paid', 'staff')));
create table public.reports (id uuid primary key default gen_random_uuid(), author uuid not null references public.users (id) on delete cascade, body text);
create index on public.reports (author);
alter table public.profiles enable row level security, force row level security;
alter table public.reports enable row level security, force row level security;
create function public.my_plan() returns text language sql stable security definer set search_path = '' as $$ select p.plan from public.profiles p where p.id = auth.uid() $$;
revoke all on function public.my_plan() from public; grant execute on function public.my_plan() to authenticated;
create policy m on public.profiles for select to migrator using (true);
create policy s on public.profiles for select to authenticated using (id = (select auth.uid()));
create policy u on public.profiles for update to authenticated using (id = (select auth.uid())) with check (id = (select auth.uid()) and plan = (select public.my_plan()));
create policy r on public.reports for select to authenticated using (author = (select auth.uid()) or (select public.my_plan()) = 'staff');
grant select, update (name, plan) on public.profiles to authenticated; grant select on public.reports to authenticated;
