-- safe: cards are tied to a deck of whichever partition by its whole key
-- rows: insert into public.decks values (:a, 2026, :a), (:b, 2026, :b); insert into public.cards (deck_id, deck_year, front) values (:a, 2026, 'of a'), (:b, 2026, 'of b')
-- as: authenticated a
-- query: select count(*) from public.cards
-- returns: 1

create table public.decks (
  id uuid not null default gen_random_uuid(),
  year integer not null,
  user_id uuid not null references public.users (id),
  primary key (id, year)
) partition by range (year);
create index on public.decks (user_id);
create table public.decks_rest partition of public.decks default;
alter table public.decks enable row level security, force row level security;
alter table public.decks_rest enable row level security, force row level security;
create policy decks_own on public.decks for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert on public.decks to authenticated;
create table public.cards (
  id uuid primary key default gen_random_uuid(),
  deck_id uuid not null,
  deck_year integer not null,
  front text not null,
  foreign key (deck_id, deck_year) references public.decks (id, year)
);
create index on public.cards (deck_id, deck_year);
alter table public.cards enable row level security, force row level security;
create policy cards_own on public.cards for all to authenticated
  using (exists (
    select from public.decks d
    where d.id = deck_id and d.year = deck_year and d.user_id = (select auth.uid())
  ));
grant select, insert (deck_id, deck_year, front) on public.cards to authenticated;
