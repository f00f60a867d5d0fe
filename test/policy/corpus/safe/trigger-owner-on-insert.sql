-- safe: one trigger for inserts and updates sets the owner on inserts alone
-- rows: insert into public.decks (id, user_id, collaborator_ids, title) values (:b, :b, array[:a]::uuid[], 'of b')
-- as: authenticated a
-- query: update public.decks set title = 'changed by a'
-- proof: select string_agg(user_id || ' ' || title, '') = :b || ' changed by a' from public.decks
-- returns: true

create table public.decks (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id),
  collaborator_ids uuid[] not null default '{}',
  title text not null
);
create index on public.decks (user_id);
alter table public.decks enable row level security, force row level security;
create policy decks_select on public.decks for select to authenticated
  using ((select auth.uid()) = user_id or (select auth.uid()) = any (collaborator_ids));
create policy decks_insert on public.decks for insert to authenticated
  with check ((select auth.uid()) = user_id);
create policy decks_update on public.decks for update to authenticated
  using ((select auth.uid()) = user_id or (select auth.uid()) = any (collaborator_ids));
grant select, insert (user_id, title), update (title) on public.decks to authenticated;
create function public.stamp() returns trigger language plpgsql set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    new.user_id := coalesce(auth.uid(), new.user_id);
  end if;
  return new;
end
$$;
revoke all on function public.stamp() from public;
create trigger stamp before insert or update on public.decks
  for each row execute function public.stamp();
