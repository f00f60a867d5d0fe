-- safe: a flag on the user's own profile, which only the back office sets, opens tickets
-- rows: insert into public.profiles (id) values (:a), (:b)
-- rows: ; insert into public.tickets (client_id, body) values (:b, 'of b')
-- as: authenticated a
-- query: update public.profiles set nickname = 'x' where id = :a; select count(*) from public.tickets
-- returns: 0

create table public.profiles (
  id uuid primary key references public.users (id) on delete cascade,
  nickname text,
  is_support boolean not null default false
);
create table public.tickets (
  id uuid primary key default gen_random_uuid(),
  client_id uuid not null references public.users (id) on delete cascade,
  body text not null
);
create index on public.tickets (client_id);
alter table public.profiles enable row level security, force row level security;
alter table public.tickets enable row level security, force row level security;
create policy profiles_own on public.profiles for select to authenticated using (id = (select auth.uid()));
create policy profiles_edit on public.profiles for update to authenticated
  using (id = (select auth.uid())) with check (id = (select auth.uid()));
create policy profiles_office on public.profiles for update to service_role using (true) with check (true);
create policy profiles_office_read on public.profiles for select to service_role using (true);
create policy tickets_read on public.tickets for select to authenticated
  using (
    client_id = (select auth.uid())
    or exists (select from public.profiles p where p.id = (select auth.uid()) and p.is_support)
  );
create policy tickets_write on public.tickets for insert to authenticated
  with check (client_id = (select auth.uid()));
grant select, update (nickname) on public.profiles to authenticated;
grant select, update (is_support) on public.profiles to service_role;
grant select, insert (client_id, body) on public.tickets to authenticated;
