-- unsafe: an account's delegates are read from the row itself, which the caller wrote
-- rows: insert into public.accounts (id, holder_id) values ('11111111-1111-4111-8111-111111111111', :b)
-- as: authenticated a
-- query: insert into public.mandates (account_id, delegate_id) values ('11111111-1111-4111-8111-111111111111', :a); select count(*) from public.accounts
-- returns: 1

create table public.accounts (
  id uuid primary key default gen_random_uuid(),
  holder_id uuid not null references public.users (id) on delete cascade
);
create index on public.accounts (holder_id);
create table public.mandates (
  account_id uuid not null references public.accounts (id) on delete cascade,
  delegate_id uuid not null references public.users (id) on delete cascade,
  ends_on date not null default current_date + 30,
  primary key (account_id, delegate_id)
);
create index on public.mandates (delegate_id);
alter table public.accounts enable row level security, force row level security;
alter table public.mandates enable row level security, force row level security;
create policy accounts_migrator on public.accounts for all to migrator using (true) with check (true);
create function public.holds(account uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select from public.accounts a where a.id = account and a.holder_id = auth.uid())
$$;
revoke all on function public.holds(uuid) from public;
grant execute on function public.holds(uuid) to authenticated;
create policy accounts_seen on public.accounts for select to authenticated
  using (
    holder_id = (select auth.uid())
    or exists (
      select from public.mandates m
      where m.account_id = accounts.id and m.delegate_id = (select auth.uid()) and m.ends_on >= current_date
    )
  );
create policy mandates_seen on public.mandates for select to authenticated
  using (delegate_id = (select auth.uid()) or public.holds(account_id));
create policy mandates_given on public.mandates for insert to authenticated
  with check (public.holds(account_id) or delegate_id = (select auth.uid()));
create policy mandates_ended on public.mandates for delete to authenticated
  using (public.holds(account_id));
grant select on public.accounts to authenticated;
grant select, delete, insert (account_id, delegate_id, ends_on) on public.mandates to authenticated;
