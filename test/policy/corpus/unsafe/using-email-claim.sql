-- unsafe: a claim of the token that names anybody
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a {"email": "of b"}
-- query: select count(*) from public.notes where user_id = :b
-- returns: 1

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
alter table public.notes enable row level security, force row level security;
create index on public.notes (user_id);
create policy notes_own on public.notes
  for select to authenticated
  using (body = current_setting('request.jwt.claims', true)::jsonb ->> 'email');
grant select on public.notes to authenticated;
