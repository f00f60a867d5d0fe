-- safe: a foreign key that names the owner holds a row to parents of the same owner
-- rows: insert into public.decks (id, user_id) values ('00000000-0000-4000-8000-00000000000a', :a), ('00000000-0000-4000-8000-00000000000b', :b); insert into public.deck_cards (user_id, deck_id) values (:a, '00000000-0000-4000-8000-00000000000a'), (:b, '00000000-0000-4000-8000-00000000000b')
-- as: authenticated a
-- query: select count(*) from public.deck_cards
-- returns: 1

create table public.decks (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  unique (user_id, id)
);
alter table public.decks enable row level security, force row level security;
create policy decks_own on public.decks for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert (user_id) on public.decks to authenticated;

create table public.deck_cards (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  deck_id uuid not null,
  foreign key (user_id, deck_id) references public.decks (user_id, id) on delete cascade
);
create index on public.deck_cards (user_id, deck_id);
alter table public.deck_cards enable row level security, force row level security;
create policy deck_cards_own on public.deck_cards for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert (user_id, deck_id), update (deck_id) on public.deck_cards to authenticated;
