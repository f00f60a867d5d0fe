-- safe: calendars shared by their owner, events in them
-- rows: insert into public.calendars (id, user_id) values (:a, :a), (:b, :b); insert into public.events (calendar_id, title) values (:a, 'x'), (:b, 'y')
-- as: authenticated a
-- query: select count(*) from public.events
-- returns: 1

create table public.calendars (id uuid primary key default gen_random_uuid(), user_id uuid not null references public.users (id) on delete cascade, name text not null default '');
create table public.calendar_shares (
  calendar_id uuid not null references public.calendars (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  can_edit boolean not null default false,
  primary key (calendar_id, user_id)
);
create table public.events (id uuid primary key default gen_random_uuid(), calendar_id uuid not null references public.calendars (id) on delete cascade, title text not null);
create index on public.calendars (user_id);
create index on public.calendar_shares (user_id);
create index on public.events (calendar_id);
alter table public.calendars enable row level security, force row level security;
alter table public.calendar_shares enable row level security, force row level security;
alter table public.events enable row level security, force row level security;
create function public.owns_calendar(c uuid) returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select from public.calendars k where k.id = c and k.user_id = (select auth.uid()))
$$;
create function public.shares_calendar(c uuid) returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select from public.calendar_shares s where s.calendar_id = c and s.user_id = (select auth.uid()))
$$;
revoke all on function public.owns_calendar(uuid), public.shares_calendar(uuid) from public;
grant execute on function public.owns_calendar(uuid), public.shares_calendar(uuid) to authenticated;
create policy calendars_migrator on public.calendars for select to migrator using (true);
create policy shares_migrator on public.calendar_shares for select to migrator using (true);
create policy calendars_read on public.calendars for select to authenticated using (user_id = (select auth.uid()) or public.shares_calendar(id));
create policy calendars_add on public.calendars for insert to authenticated with check (user_id = (select auth.uid()));
create policy shares_read on public.calendar_shares for select to authenticated using (user_id = (select auth.uid()) or public.owns_calendar(calendar_id));
create policy shares_add on public.calendar_shares for insert to authenticated with check (public.owns_calendar(calendar_id));
create policy shares_drop on public.calendar_shares for delete to authenticated using (public.owns_calendar(calendar_id) or user_id = (select auth.uid()));
create policy events_read on public.events for select to authenticated using (public.owns_calendar(calendar_id) or public.shares_calendar(calendar_id));
create policy events_add on public.events for insert to authenticated with check (public.owns_calendar(calendar_id));
grant select, insert (user_id, name) on public.calendars to authenticated;
grant select, insert, delete on public.calendar_shares to authenticated;
grant select, insert (calendar_id, title) on public.events to authenticated;
