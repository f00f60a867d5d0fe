-- unsafe: a profile that a trigger on users makes, seen by everyone
-- rows: select 1
-- as: authenticated a
-- query: select count(*) from public.cards
-- returns: 2

create table public.cards (
  id uuid primary key references public.users (id) on delete cascade,
  address text,
  full_name text
);
alter table public.cards enable row level security, force row level security;
create function public.make_card() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.cards (id, address) values (new.id, new.email);
  return new;
end
$$;
revoke all on function public.make_card() from public;
create policy cards_made on public.cards for insert to migrator with check (true);
create trigger users_card after insert on public.users
  for each row execute function public.make_card();
create policy users_migrator on public.users for select to migrator using (true);
insert into public.cards (id, address) select u.id, u.email from public.users u;
create policy "Cards can be viewed" on public.cards for select to authenticated
  using (true);
create policy "Users can update own card" on public.cards for update to authenticated
  using (auth.uid() = id) with check (auth.uid() = id);
grant select, update (full_name) on public.cards to authenticated;
