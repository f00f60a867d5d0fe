-- unsafe: dropping a check of users with cascade leaves the foreign keys; the policy asks for another column
-- rows: insert into public.notes (user_id, editor_id) values (:b, :a)
-- as: authenticated a
-- query: select count(*) from public.notes
-- returns: 1

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  editor_id uuid references public.users (id) on delete set null
);
create index on public.notes (user_id);
create index on public.notes (editor_id);
alter table public.notes enable row level security, force row level security;
alter table public.users add constraint users_email_check check (email <> '');
alter table public.users drop constraint users_email_check cascade;
create policy notes_read on public.notes for select to authenticated using (editor_id is not null);
create policy notes_write on public.notes for insert to authenticated
  with check (user_id = (select auth.uid()));
grant select, insert (user_id, editor_id) on public.notes to authenticated;
