-- unsafe: rows in another's name, by way of a second user column
-- as: authenticated a
-- query: insert into public.tasks (user_id, assignee_id) values (:b, :a)
-- proof: select count(*) from public.tasks where user_id = :b
-- returns: 1

create table public.tasks (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  assignee_id uuid references public.users (id) on delete set null
);
create index on public.tasks (user_id);
alter table public.tasks enable row level security, force row level security;
create policy tasks_all on public.tasks for all to authenticated
  using (user_id = (select auth.uid()) or assignee_id = (select auth.uid()));
grant select, insert (user_id, assignee_id), update (assignee_id) on public.tasks to authenticated;
