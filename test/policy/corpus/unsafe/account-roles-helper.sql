-- unsafe: a helper with an optional role, whose `or` stands outside of the test for the user
-- rows: insert into public.accounts (id, label) values ('11111111-1111-4111-8111-111111111111', 'of a'), ('22222222-2222-4222-8222-222222222222', 'of b')
-- rows: ; insert into public.account_users values ('11111111-1111-4111-8111-111111111111', :a, 'owner'), ('22222222-2222-4222-8222-222222222222', :b, 'owner')
-- rows: ; insert into public.invoices (account_id, cents) values ('11111111-1111-4111-8111-111111111111', 1), ('22222222-2222-4222-8222-222222222222', 2)
-- as: authenticated a
-- query: select count(*) from public.invoices
-- returns: 2

create type public.account_role as enum ('owner', 'member');
create table public.accounts (
  id uuid primary key default gen_random_uuid(),
  label text not null
);
create table public.account_users (
  account_id uuid not null references public.accounts (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  account_role public.account_role not null,
  primary key (account_id, user_id)
);
create index on public.account_users (user_id);
create table public.invoices (
  id uuid primary key default gen_random_uuid(),
  account_id uuid not null references public.accounts (id) on delete cascade,
  cents integer not null
);
create index on public.invoices (account_id);
alter table public.accounts enable row level security, force row level security;
alter table public.account_users enable row level security, force row level security;
alter table public.invoices enable row level security, force row level security;
create function public.has_role_on_account(account uuid, wanted public.account_role default null)
returns boolean language sql stable security definer set search_path = '' as $$
  select exists (
    select 1 from public.account_users au
    where au.account_id = account and au.user_id = auth.uid()
      and au.account_role = wanted or wanted is null
  )
$$;
revoke all on function has_role_on_account(uuid, public.account_role) from public;
grant execute on function has_role_on_account(uuid, public.account_role) to authenticated;
create policy account_users_migrator on public.account_users for all to migrator using (true) with check (true);
create policy "Accounts are seen by their members" on public.accounts for select to authenticated
  using (public.has_role_on_account(id));
create policy "Users see their own roles" on public.account_users for select to authenticated
  using (user_id = (select auth.uid()));
create policy "Members see invoices" on public.invoices for select to authenticated
  using (public.has_role_on_account(account_id));
create policy "Owners write invoices" on public.invoices for insert to authenticated
  with check (public.has_role_on_account(account_id, 'owner'));
grant select on public.accounts, public.account_users to authenticated;
grant select, insert (account_id, cents) on public.invoices to authenticated;
