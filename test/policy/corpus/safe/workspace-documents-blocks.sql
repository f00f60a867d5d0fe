-- safe: workspaces, documents in them, blocks in documents
-- rows: insert into public.workspaces (id) values (:a), (:b); insert into public.workspace_members values (:a, :a, 'editor'), (:b, :b, 'editor'); insert into public.pages (id, workspace_id, created_by) values (:a, :a, :b), (:b, :b, :a); insert into public.blocks (page_id, created_by, content) values (:a, :b, '{}'), (:b, :b, '{}')
-- as: authenticated a
-- query: select count(*) from public.blocks
-- returns: 1

create table public.workspaces (id uuid primary key default gen_random_uuid(), name text not null default '');
create table public.workspace_members (
  workspace_id uuid not null references public.workspaces (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  role text not null default 'viewer',
  primary key (workspace_id, user_id)
);
create table public.pages (
  id uuid primary key default gen_random_uuid(),
  workspace_id uuid not null references public.workspaces (id) on delete cascade,
  created_by uuid not null references public.users (id),
  title text not null default ''
);
create table public.blocks (
  id uuid primary key default gen_random_uuid(),
  page_id uuid not null references public.pages (id) on delete cascade,
  created_by uuid not null references public.users (id),
  content jsonb not null
);
create index on public.workspace_members (user_id);
create index on public.pages (workspace_id);
create index on public.pages (created_by);
create index on public.blocks (page_id);
create index on public.blocks (created_by);
alter table public.workspaces enable row level security, force row level security;
alter table public.workspace_members enable row level security, force row level security;
alter table public.pages enable row level security, force row level security;
alter table public.blocks enable row level security, force row level security;
create policy members_self on public.workspace_members for select to authenticated using (user_id = (select auth.uid()));
create policy workspaces_read on public.workspaces for select to authenticated
  using (id in (select m.workspace_id from public.workspace_members m where m.user_id = (select auth.uid())));
create policy pages_read on public.pages for select to authenticated
  using (workspace_id in (select m.workspace_id from public.workspace_members m where m.user_id = (select auth.uid())));
create policy pages_write on public.pages for insert to authenticated
  with check (created_by = (select auth.uid()) and exists (
    select from public.workspace_members m where m.workspace_id = pages.workspace_id and m.user_id = (select auth.uid()) and m.role in ('editor', 'admin')));
create policy blocks_read on public.blocks for select to authenticated
  using (exists (
    select from public.pages p join public.workspace_members m on m.workspace_id = p.workspace_id
    where p.id = blocks.page_id and m.user_id = (select auth.uid())));
grant select on public.workspaces, public.workspace_members, public.blocks to authenticated;
grant select, insert (workspace_id, created_by, title) on public.pages to authenticated;
