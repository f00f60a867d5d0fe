-- unsafe: a guard that only warns
-- rows: insert into public.notes (user_id, body) values (:b, 'of b')
-- as: authenticated a
-- query: select body from public.notes_of(:b)
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
create function public.notes_of(p_user uuid) returns setof public.notes language plpgsql stable security definer set search_path = '' as $$
begin
  if p_user is distinct from auth.uid() then
    raise warning 'not yours';
  end if;
  return query select n.* from public.notes n where n.user_id = p_user;
end $$;
revoke all on function public.notes_of(uuid) from public;
grant execute on function public.notes_of(uuid) to authenticated;
