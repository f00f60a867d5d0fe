-- unsafe: a partition that is read by its own name
-- rows: insert into public.events values (:a, '2026-05-05'), (:b, '2026-05-05')
-- as: authenticated a
-- query: select count(*) from public.events_2026
-- returns: 2

create table public.events (
  user_id uuid not null references public.users (id),
  day date not null
) partition by range (day);
alter table public.events enable row level security, force row level security;
create index on public.events (user_id);
create policy events_own on public.events for select to authenticated
  using ((select auth.uid()) = user_id);
grant select on public.events to authenticated;
create table public.events_2026 partition of public.events for values from ('2026-01-01') to ('2027-01-01');
grant select on public.events_2026 to authenticated;
