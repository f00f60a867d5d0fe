-- unsafe: quoted camel case names, a hole
-- rows: insert into public."Orders" ("userId") values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public."Orders"
-- returns: 2

create table public."Orders" (
  "id" uuid primary key default gen_random_uuid(),
  "userId" uuid not null,
  "totalCents" integer not null default 0
);
alter table public."Orders" enable row level security;
alter table public."Orders" force row level security;
create policy "Own orders" on public."Orders" for select to authenticated using (true);
grant select on public."Orders" to authenticated;
