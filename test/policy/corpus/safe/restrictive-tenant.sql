-- safe: a permissive policy for all, and a restrictive one that keeps to the tenant of the user
-- rows: insert into public.parishes values ('11111111-1111-4111-8111-111111111111'), ('22222222-2222-4222-8222-222222222222')
-- rows: ; insert into public.parishioners values (:a, '11111111-1111-4111-8111-111111111111'), (:b, '22222222-2222-4222-8222-222222222222')
-- rows: ; insert into public.notices (parish_id, body) values ('22222222-2222-4222-8222-222222222222', 'of b')
-- as: authenticated a
-- query: delete from public.notices
-- proof: select count(*) from public.notices
-- returns: 1

create table public.parishes (id uuid primary key default gen_random_uuid());
create table public.parishioners (
  user_id uuid primary key references public.users (id) on delete cascade,
  parish_id uuid not null references public.parishes (id) on delete cascade
);
create index on public.parishioners (parish_id);
create table public.notices (
  id uuid primary key default gen_random_uuid(),
  parish_id uuid not null references public.parishes (id) on delete cascade,
  body text not null
);
create index on public.notices (parish_id);
alter table public.parishes enable row level security, force row level security;
alter table public.parishioners enable row level security, force row level security;
alter table public.notices enable row level security, force row level security;
create policy parishioners_own on public.parishioners for select to authenticated
  using (user_id = (select auth.uid()));
create policy notices_all on public.notices for all to authenticated using (true) with check (true);
create policy notices_parish on public.notices as restrictive for all to authenticated
  using (parish_id = (select p.parish_id from public.parishioners p where p.user_id = (select auth.uid())));
grant select on public.parishioners to authenticated;
grant select, delete, insert (parish_id, body) on public.notices to authenticated;
