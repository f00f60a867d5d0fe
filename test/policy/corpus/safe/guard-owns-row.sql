-- safe: a definer function that asks first whose the row is
-- rows: insert into public.notes (id, user_id, body) values (:a, :a, 'of a'), (:b, :b, 'of b')
-- as: authenticated a
-- query: select public.set_body(:a, 'x')
-- proof: select count(*) from public.notes where body = 'x'
-- returns: 1

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
create function public.set_body(p_note uuid, p_body text) returns void language plpgsql security definer set search_path = '' as $$
begin
  if not exists (select 1 from public.notes n where n.id = p_note and n.user_id = auth.uid()) then
    raise exception 'no such note';
  end if;
  update public.notes set body = p_body where id = p_note;
end $$;
revoke all on function public.set_body(uuid, text) from public;
grant execute on function public.set_body(uuid, text) to authenticated;
