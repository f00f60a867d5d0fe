-- safe: the claims read by a function of their own
-- rows: insert into public.notes (user_id) values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public.notes
-- returns: 1

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create function public.claims() returns jsonb language sql stable set search_path = '' as $$
  select coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb
$$;
revoke all on function public.claims() from public;
grant execute on function public.claims() to authenticated;
create policy notes_read on public.notes for select to authenticated
  using (user_id = (select (public.claims() ->> 'sub')::uuid));
grant select on public.notes to authenticated;
