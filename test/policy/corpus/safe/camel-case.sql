-- safe: quoted camel case names without a foreign key
-- rows: insert into public."Orders" ("userId") values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public."Orders"
-- returns: 1

create table public."Orders" (
  "id" uuid primary key default gen_random_uuid(),
  "userId" uuid not null,
  "totalCents" integer not null default 0
);
create index "Orders_userId_idx" on public."Orders" ("userId");
alter table public."Orders" enable row level security;
alter table public."Orders" force row level security;
create policy "Own orders" on public."Orders" as permissive for all to authenticated
  using ("userId" = (select auth.uid())) with check ("userId" = (select auth.uid()));
grant select, insert, update, delete on public."Orders" to authenticated;
