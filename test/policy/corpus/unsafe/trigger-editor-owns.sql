-- unsafe: a trigger makes whoever edits a shared deck its owner, though nobody is granted that column
-- rows: insert into public.decks (user_id, collaborator_ids) values (:b, array[:a]::uuid[])
-- as: authenticated a
-- query: update public.decks set title = 'mine'
-- proof: select count(*) from public.decks where user_id = :a
-- returns: 1

create table public.decks (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  title text not null default '',
  edited_by uuid,
  collaborator_ids uuid[] not null default '{}'
);
create index on public.decks (user_id);
alter table public.decks enable row level security, force row level security;
create policy decks_select on public.decks for select to authenticated
  using ((select auth.uid()) = user_id or (select auth.uid()) = any (collaborator_ids));
create policy decks_insert on public.decks for insert to authenticated with check ((select auth.uid()) = user_id);
create policy decks_update on public.decks for update to authenticated
  using ((select auth.uid()) = user_id or (select auth.uid()) = any (collaborator_ids));
create policy decks_delete on public.decks for delete to authenticated using ((select auth.uid()) = user_id);
grant select, insert (user_id, title, collaborator_ids), update (title), delete on public.decks to authenticated;
create function public.stamp_deck() returns trigger language plpgsql set search_path = '' as $$
begin
  new.user_id := auth.uid();
  return new;
end $$;
revoke all on function public.stamp_deck() from public;
create trigger stamp_deck before update on public.decks for each row execute function public.stamp_deck();
