-- safe: the user's column refers to no table, and other columns do
-- rows: insert into public.requests (user_id, approved_by) values (:a, :b), (:b, :a)
-- as: authenticated a
-- query: select count(*) from public.requests
-- returns: 1

create table public.requests (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  approved_by uuid references public.users (id) on delete set null,
  note text
);
create index on public.requests (user_id);
create index on public.requests (approved_by);
alter table public.requests enable row level security, force row level security;
create policy requests_own on public.requests for select to authenticated
  using (user_id = (select auth.uid()));
create policy requests_made on public.requests for insert to authenticated
  with check (user_id = (select auth.uid()) and approved_by is null);
grant select, insert (user_id, note) on public.requests to authenticated;
