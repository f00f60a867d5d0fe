-- safe: a materialized view that a definer function reads for the caller alone
-- rows: insert into public.notes (user_id) values (:a), (:a), (:b); refresh materialized view public.note_totals
-- as: authenticated a
-- query: select sum(total) from public.my_note_total()
-- returns: 2

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for select to authenticated using (user_id = (select auth.uid()));
create policy notes_migrator on public.notes for select to migrator using (true);
grant select on public.notes to authenticated;
create materialized view public.note_totals as
  select n.user_id, count(*) as total from public.notes n group by n.user_id;
create function public.my_note_total() returns table (total bigint)
language sql stable security definer set search_path = '' as $$
  select t.total from public.note_totals t where t.user_id = auth.uid()
$$;
revoke all on function public.my_note_total() from public;
grant execute on function public.my_note_total() to authenticated;
