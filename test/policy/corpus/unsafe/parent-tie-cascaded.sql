-- unsafe: the foreign key that ties cards to their deck goes with the key of the decks
-- rows: insert into public.decks values (:b, :b, 'of b'); insert into public.cards (deck_id, front) values (:b, 'of b'); delete from public.decks
-- as: authenticated a
-- query: insert into public.decks (id, user_id, title) values (:b, :a, 'mine'); select front from public.cards
-- returns: of b

create table public.decks (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  title text not null
);
create index on public.decks (user_id);
alter table public.decks enable row level security, force row level security;
create policy decks_own on public.decks for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert (id, user_id, title), update (title), delete on public.decks to authenticated;
create table public.cards (
  id uuid primary key default gen_random_uuid(),
  deck_id uuid not null references public.decks (id),
  front text not null
);
create index on public.cards (deck_id);
alter table public.cards enable row level security, force row level security;
create policy cards_own on public.cards for all to authenticated
  using (exists (
    select from public.decks d where d.id = deck_id and d.user_id = (select auth.uid())
  ));
grant select, insert (deck_id, front), update (front), delete on public.cards to authenticated;
alter table public.decks drop constraint decks_pkey cascade;
alter table public.decks add primary key (id);
