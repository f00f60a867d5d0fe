-- unsafe: the setting of single claims, which the server does not fill
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: select set_config('request.jwt.claim.sub', 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', true); select count(*) from public.notes where user_id = :b
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
  using (user_id = current_setting('request.jwt.claim.sub', true)::uuid);
grant select on public.notes to authenticated;
