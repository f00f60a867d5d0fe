-- safe: catalogue for whoever is signed in
-- rows: insert into public.plans (code) values ('x')
-- as: authenticated a
-- query: select count(*) from public.plans
-- returns: 1

create table public.plans (code text primary key, label text, price numeric);
alter table public.plans enable row level security, force row level security;
create policy plans_read on public.plans for select to authenticated using (auth.uid() is not null);
grant select on public.plans to authenticated;
