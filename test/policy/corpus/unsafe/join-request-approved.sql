-- unsafe: who asks to join approves the request
-- rows: insert into public.guilds values ('11111111-1111-4111-8111-111111111111'); insert into public.guild_people (guild, person, state, rank) values ('11111111-1111-4111-8111-111111111111', :b, 'approved', 'admin'); insert into public.guild_vault (guild, gold) values ('11111111-1111-4111-8111-111111111111', 5)
-- as: authenticated a
-- query: insert into public.guild_people (guild, person) values ('11111111-1111-4111-8111-111111111111', :a); update public.guild_people set state = 'approved' where person = :a; select count(*) from public.guild_vault
-- returns: 1

create table public.guilds (id uuid primary key default gen_random_uuid());
create table public.guild_people (guild uuid not null references public.guilds (id) on delete cascade, person uuid not null references public.users (id) on delete cascade,
  state text not null default 'asked' check (state in ('asked', 'approved', 'refused')), rank text not null default 'member' check (rank in ('admin', 'member')),
  primary key (guild, person));
create index on public.guild_people (person);
create table public.guild_vault (id uuid primary key default gen_random_uuid(), guild uuid not null references public.guilds (id) on delete cascade, gold integer not null);
create index on public.guild_vault (guild);
alter table public.guilds enable row level security, force row level security;
alter table public.guild_people enable row level security, force row level security;
alter table public.guild_vault enable row level security, force row level security;
create function public.guild_admin(g uuid) returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select from public.guild_people p where p.guild = g and p.person = auth.uid() and p.rank = 'admin' and p.state = 'approved')
$$;
revoke all on function public.guild_admin(uuid) from public; grant execute on function public.guild_admin(uuid) to authenticated;
create policy m on public.guild_people for all to migrator using (true) with check (true);
create policy s on public.guild_people for select to authenticated using (person = (select auth.uid()) or public.guild_admin(guild));
create policy i on public.guild_people for insert to authenticated with check (person = (select auth.uid()) and state = 'asked' and rank = 'member');
create policy u on public.guild_people for update to authenticated using ((person = (select auth.uid()) or public.guild_admin(guild))) with check ((person = (select auth.uid()) or public.guild_admin(guild)));
create policy g on public.guilds for select to authenticated using (id in (select p.guild from public.guild_people p where p.person = (select auth.uid()) and p.state = 'approved'));
create policy v on public.guild_vault for select to authenticated using (guild in (select p.guild from public.guild_people p where p.person = (select auth.uid()) and p.state = 'approved'));
grant select on public.guilds, public.guild_vault to authenticated;
grant select, insert (guild, person), update (state) on public.guild_people to authenticated;
