-- unsafe: a definer trigger deletes the row that the new one says it replaces
-- rows: insert into public.notes (id, user_id, body) values (:b, :b, 'of b')
-- as: authenticated a
-- query: insert into public.notes (user_id, body, replaces) values (:a, 'x', :b)
-- proof: select count(*) from public.notes where user_id = :b
-- returns: 0

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default '',
  replaces uuid
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
create policy notes_migrator on public.notes for all to migrator using (true) with check (true);
grant select, insert (user_id, body, replaces) on public.notes to authenticated;
create function public.drop_replaced() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  gone uuid := new.replaces;
begin
  delete from public.notes n where n.id = gone;
  return null;
end $$;
revoke all on function public.drop_replaced() from public;
create trigger drop_replaced after insert on public.notes for each row execute function public.drop_replaced();
