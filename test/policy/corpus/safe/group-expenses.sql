-- safe: expenses of a group, each with who paid
-- rows: insert into public.groups (id) values (:a), (:b); insert into public.group_members values (:a, :a), (:b, :b); insert into public.group_expenses (group_id, paid_by, cents) values (:a, :a, 1), (:b, :b, 2)
-- as: authenticated a
-- query: select sum(cents) from public.group_expenses
-- returns: 1

create table public.groups (id uuid primary key default gen_random_uuid(), name text not null default '');
create table public.group_members (
  group_id uuid not null references public.groups (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  joined_at timestamptz not null default now(),
  primary key (group_id, user_id)
);
create table public.group_expenses (
  id uuid primary key default gen_random_uuid(),
  group_id uuid not null references public.groups (id) on delete cascade,
  paid_by uuid not null references public.users (id),
  cents bigint not null check (cents > 0)
);
create index on public.group_members (user_id);
create index on public.group_expenses (group_id);
create index on public.group_expenses (paid_by);
alter table public.groups enable row level security, force row level security;
alter table public.group_members enable row level security, force row level security;
alter table public.group_expenses enable row level security, force row level security;
create function public.is_group_member(g uuid) returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select 1 from public.group_members m where m.group_id = g and m.user_id = (select auth.uid()))
$$;
revoke all on function public.is_group_member(uuid) from public;
grant execute on function public.is_group_member(uuid) to authenticated;
create policy group_members_migrator on public.group_members for select to migrator using (true);
create policy groups_read on public.groups for select to authenticated using (public.is_group_member(id));
create policy group_members_read on public.group_members for select to authenticated using (public.is_group_member(group_id));
create policy group_members_leave on public.group_members for delete to authenticated using (user_id = (select auth.uid()));
create policy expenses_read on public.group_expenses for select to authenticated using (public.is_group_member(group_id));
create policy expenses_add on public.group_expenses for insert to authenticated with check (paid_by = (select auth.uid()) and public.is_group_member(group_id));
create policy expenses_undo on public.group_expenses for delete to authenticated using (paid_by = (select auth.uid()));
grant select on public.groups to authenticated;
grant select, delete on public.group_members to authenticated;
grant select, insert (group_id, paid_by, cents), delete on public.group_expenses to authenticated;
