-- unsafe: attachments of notes belong to whoever makes a deck with the note's id
-- rows: insert into public.attachments (parent_kind, parent_id, path) values ('note', :b, 'of b')
-- as: authenticated a
-- query: insert into public.decks (id, user_id, title) values (:b, :a, 'mine'); select path from public.attachments
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
create table public.attachments (
  id uuid primary key default gen_random_uuid(),
  parent_kind text not null check (parent_kind in ('deck', 'note')),
  parent_id uuid not null,
  path text not null
);
create index on public.attachments (parent_id);
alter table public.attachments enable row level security, force row level security;
create policy attachments_of_decks on public.attachments for select to authenticated
  using (exists (
    select from public.decks d where d.id = parent_id and d.user_id = (select auth.uid())
  ));
grant select on public.attachments to authenticated;
