-- safe: who was given a plan to read hides it, and may not edit it
-- rows: insert into public.plans (id, planner, body) values ('11111111-1111-4111-8111-111111111111', :b, 'of b')
-- rows: ; insert into public.plan_readers (plan_id, reader_id) values ('11111111-1111-4111-8111-111111111111', :a)
-- as: authenticated a
-- query: update public.plan_readers set hidden = true; update public.plans set body = 'of a'
-- proof: select body from public.plans
-- returns: of b

create table public.plans (
  id uuid primary key default gen_random_uuid(),
  planner uuid not null references public.users (id) on delete cascade,
  body text not null
);
create index on public.plans (planner);
create table public.plan_readers (
  plan_id uuid not null references public.plans (id) on delete cascade,
  reader_id uuid not null references public.users (id) on delete cascade,
  can_edit boolean not null default false,
  hidden boolean not null default false,
  primary key (plan_id, reader_id)
);
create index on public.plan_readers (reader_id);
alter table public.plans enable row level security, force row level security;
alter table public.plan_readers enable row level security, force row level security;
create policy plans_seen on public.plans for select to authenticated
  using (
    planner = (select auth.uid())
    or id in (select r.plan_id from public.plan_readers r where r.reader_id = (select auth.uid()))
  );
create policy plans_edited on public.plans for update to authenticated
  using (
    planner = (select auth.uid())
    or id in (
      select r.plan_id from public.plan_readers r where r.reader_id = (select auth.uid()) and r.can_edit
    )
  );
create policy readers_own on public.plan_readers for select to authenticated
  using (reader_id = (select auth.uid()));
create policy readers_change on public.plan_readers for update to authenticated
  using (reader_id = (select auth.uid())) with check (reader_id = (select auth.uid()));
grant select, update (body) on public.plans to authenticated;
grant select, update (hidden) on public.plan_readers to authenticated;
