create table public.events (
  actor uuid not null references public.users (id) on delete cascade,
  kind text not null,
  what text not null
) partition by list (kind);
create index on public.events (actor);
create table public.events_in partition of public.events for values in ('in', 'enter') partition by hash (actor);
create table public.events_in_0 partition of public.events_in for values with (modulus 2, remainder 0);
create table public.events_in_1 partition of public.events_in for values with (modulus 2, remainder 1);
create table public.events_out partition of public.events for values in ('out');
alter table public.events enable row level security, force row level security;
alter table public.events_in enable row level security, force row level security;
alter table public.events_in_0 enable row level security, force row level security;
alter table public.events_in_1 enable row level security, force row level security;
alter table public.events_out enable row level security, force row level security;
create policy events_own on public.events for select to authenticated using (actor = (select auth.uid()));
grant select on public.events to authenticated;
