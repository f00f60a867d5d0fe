-- unsafe: an aggregate over integers returns a row for everybody
-- rows: insert into public.notes (user_id) values (:b)
-- as: authenticated a
-- query: select count(*) from public.notes
-- returns: 1

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for select to authenticated
  using (exists (
    select bit_and(1) from public.users u where u.id = notes.user_id and u.id = (select auth.uid())
  ));
grant select on public.notes to authenticated;
