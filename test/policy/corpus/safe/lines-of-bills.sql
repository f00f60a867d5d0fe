-- safe: lines of bills have no column of a user; bills have
-- rows: insert into public.bills (id, payer) values ('11111111-1111-4111-8111-111111111111', :a), ('22222222-2222-4222-8222-222222222222', :b)
-- rows: ; insert into public.bill_lines (bill, cents) values ('11111111-1111-4111-8111-111111111111', 1), ('22222222-2222-4222-8222-222222222222', 2)
-- as: authenticated a
-- query: select count(*) from public.bill_lines
-- returns: 1

create table public.bills (
  id uuid primary key default gen_random_uuid(),
  payer uuid not null references public.users (id) on delete cascade
);
create index on public.bills (payer);
create table public.bill_lines (
  bill uuid not null references public.bills (id) on delete cascade,
  line smallint generated always as identity,
  cents integer not null,
  primary key (bill, line)
);
create table public.bill_taxes (
  bill uuid not null,
  line smallint not null,
  percent numeric(4, 2) not null,
  primary key (bill, line, percent),
  foreign key (bill, line) references public.bill_lines (bill, line) on delete cascade
);
alter table public.bills enable row level security, force row level security;
alter table public.bill_lines enable row level security, force row level security;
alter table public.bill_taxes enable row level security, force row level security;
create policy bills_paid on public.bills for select to authenticated using (payer = (select auth.uid()));
create policy lines_paid on public.bill_lines for select to authenticated
  using (exists (
    select from public.bills b where b.payer = (select auth.uid()) and b.id = bill_lines.bill
  ));
create policy taxes_paid on public.bill_taxes for select to authenticated
  using (exists (select from public.bills b where b.id = bill_taxes.bill and b.payer = (select auth.uid())));
grant select on public.bills, public.bill_lines, public.bill_taxes to authenticated;
