-- safe: an event shows to its host and to those whom the host invites
-- rows: insert into public.events (id, host_id) values (:a, :a), (:b, :b); insert into public.event_guests values (:b, :b)
-- as: authenticated a
-- query: select count(*) from public.events
-- returns: 1

create table public.events (
  id uuid primary key default gen_random_uuid(),
  host_id uuid not null references public.users (id) on delete cascade,
  starts_at timestamptz not null default now(),
  title text not null default ''
);
create index on public.events (host_id);
create table public.event_guests (
  event_id uuid not null references public.events (id) on delete cascade,
  guest_id uuid not null references public.users (id) on delete cascade,
  answer text check (answer in ('yes', 'no', 'maybe')),
  primary key (event_id, guest_id)
);
create index on public.event_guests (guest_id);
alter table public.events enable row level security, force row level security;
alter table public.event_guests enable row level security, force row level security;
create schema checks;
grant usage on schema checks to authenticated;
create function checks.hosts(event uuid) returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select from public.events e where e.id = event and e.host_id = (select auth.uid()))
$$;
revoke all on function checks.hosts(uuid) from public;
grant execute on function checks.hosts(uuid) to authenticated;
create policy events_migrator on public.events for select to migrator using (true);
create policy guests_read on public.event_guests for select to authenticated using (guest_id = (select auth.uid()) or checks.hosts(event_id));
create policy guests_invite on public.event_guests for insert to authenticated with check (checks.hosts(event_id));
create policy guests_uninvite on public.event_guests for delete to authenticated using (checks.hosts(event_id));
create policy guests_answer on public.event_guests for update to authenticated
  using (guest_id = (select auth.uid())) with check (guest_id = (select auth.uid()));
grant select, insert (event_id, guest_id), update (answer), delete on public.event_guests to authenticated;
create policy events_host on public.events for all to authenticated
  using (host_id = (select auth.uid())) with check (host_id = (select auth.uid()));
create policy events_guest on public.events for select to authenticated
  using (exists (select from public.event_guests g where g.event_id = events.id and g.guest_id = (select auth.uid())));
grant select, insert (host_id, starts_at, title), update (starts_at, title), delete on public.events to authenticated;
