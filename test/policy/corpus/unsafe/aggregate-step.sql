-- unsafe: an aggregate whose step runs with its owner's rights; execution of the step is checked for the aggregate's owner
-- rows: insert into public.notes (user_id, body) values (:b, 'of b')
-- as: authenticated a
-- query: select public.peek(u) from (values (:b::uuid)) v (u)
-- returns: of b

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert (user_id, body), update (body), delete on public.notes to authenticated;
create policy notes_migrator on public.notes for select to migrator using (true);
create function public.peek_step(state text, who uuid) returns text
  language sql stable security definer set search_path = ''
  as $$ select max(n.body) from public.notes n where n.user_id = who $$;
revoke all on function public.peek_step(text, uuid) from public;
create aggregate public.peek(uuid) (sfunc = public.peek_step, stype = text);
