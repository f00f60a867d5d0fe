-- unsafe: a table for each kind of measurement, one of which may be read by itself
-- rows: insert into public.measurements (client_id, kind, amount) values (:b, 'pulse', 60)
-- as: authenticated a
-- query: select count(*) from public.measurements_pulse
-- returns: 1

create table public.measurements (
  client_id uuid not null references public.users (id) on delete cascade,
  kind text not null,
  amount numeric not null
) partition by list (kind);
create index on public.measurements (client_id);
create table public.measurements_pulse partition of public.measurements for values in ('pulse');
create table public.measurements_weight partition of public.measurements for values in ('weight', 'mass');
create table public.measurements_rest partition of public.measurements default;
alter table public.measurements enable row level security, force row level security;
alter table public.measurements_weight enable row level security, force row level security;
alter table public.measurements_rest enable row level security, force row level security;
grant select on public.measurements_pulse to authenticated;
create policy measurements_own on public.measurements for all to authenticated
  using (client_id = (select auth.uid())) with check (client_id = (select auth.uid()));
grant select, insert on public.measurements to authenticated;
