-- safe: a task is its owner's and is shown to whom the owner gave it
-- rows: insert into public.tasks (user_id, assignee_id) values (:a, null), (:b, null), (:b, :a)
-- as: authenticated a
-- query: select count(*) from public.tasks
-- returns: 2

create table public.tasks (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  assignee_id uuid references public.users (id) on delete set null,
  title text not null default ''
);
create index on public.tasks (user_id);
create index on public.tasks (assignee_id);
alter table public.tasks enable row level security, force row level security;
create policy tasks_select on public.tasks for select to authenticated
  using ((select auth.uid()) = user_id or (select auth.uid()) = assignee_id);
create policy tasks_insert on public.tasks for insert to authenticated with check ((select auth.uid()) = user_id);
create policy tasks_update on public.tasks for update to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
create policy tasks_delete on public.tasks for delete to authenticated using ((select auth.uid()) = user_id);
grant select, insert (user_id, assignee_id, title), update (assignee_id, title), delete on public.tasks to authenticated;
