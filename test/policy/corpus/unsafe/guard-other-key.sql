-- unsafe: the guard asks about one note, the update is of another
-- rows: insert into public.notes (id, user_id, body) values (:a, :a, 'of a'), (:b, :b, 'of b')
-- as: authenticated a
-- query: select public.copy_body(:a, :b)
-- proof: select body from public.notes where user_id = :b
-- returns: x

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
create policy notes_migrator on public.notes for all to migrator using (true) with check (true);
create function public.copy_body(p_from uuid, p_to uuid) returns void language plpgsql security definer set search_path = '' as $$
begin
  if not exists (select 1 from public.notes n where n.id = p_from and n.user_id = auth.uid()) then
    raise exception 'no such note';
  end if;
  update public.notes set body = 'x' where id = p_to;
end $$;
revoke all on function public.copy_body(uuid, uuid) from public;
grant execute on function public.copy_body(uuid, uuid) to authenticated;
