-- unsafe: who may insert an identity column may override what it is always generated as
-- rows: insert into public.cards (deck_id, front) values (7, 'of b')
-- as: authenticated a
-- query: insert into public.decks (id, user_id, title) overriding system value values (7, :a, 'mine'); select front from public.cards
-- returns: of b

create table public.decks (
  id bigint generated always as identity primary key,
  user_id uuid not null references public.users (id) on delete cascade,
  title text not null
);
create index on public.decks (user_id);
alter table public.decks enable row level security, force row level security;
create policy decks_own on public.decks for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert, delete on public.decks to authenticated;
create table public.cards (
  id uuid primary key default gen_random_uuid(),
  deck_id bigint not null,
  front text not null
);
create index on public.cards (deck_id);
alter table public.cards enable row level security, force row level security;
create policy cards_own on public.cards for all to authenticated
  using (exists (
    select from public.decks d where d.id = deck_id and d.user_id = (select auth.uid())
  ));
grant select, insert (deck_id, front), update (front), delete on public.cards to authenticated;
