-- unsafe: a column that the view has not, and the outer row has: notes are written in another's name
-- rows: insert into public.desks (keeper) values (:a)
-- as: authenticated a
-- query: insert into public.notes (user_id, owner_id, body) values (:b, :a, 'forged')
-- proof: select count(*) from public.notes where user_id = :b
-- returns: 1

create table public.desks (
  id uuid primary key default gen_random_uuid(),
  keeper uuid not null references public.users (id) on delete cascade
);
create index on public.desks (keeper);
create view public.my_desks with (security_invoker = true) as select d.id from public.desks d;
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  owner_id uuid,
  body text not null
);
create index on public.notes (user_id);
alter table public.desks enable row level security, force row level security;
alter table public.notes enable row level security, force row level security;
create policy desks_own on public.desks for select to authenticated using (keeper = (select auth.uid()));
create policy notes_own on public.notes for select to authenticated using (user_id = (select auth.uid()));
create policy notes_add on public.notes for insert to authenticated
  with check (exists (select 1 from public.my_desks where owner_id = (select auth.uid())));
grant select on public.desks, public.my_desks to authenticated;
grant select, insert (user_id, owner_id, body) on public.notes to authenticated;
