-- unsafe: a helper that says it is immutable keeps the user of the first run in prepared statements
-- rows: insert into public.notes (user_id, body) values (:b, 'of b')
-- as: authenticated b
-- query: prepare q as select body from public.notes; execute q; select set_config('request.jwt.claims', '{"sub":"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"}', true); execute q
-- returns: of b

create function public.me() returns uuid language plpgsql immutable set search_path = '' as $$
begin
  return auth.uid();
end $$;
revoke all on function public.me() from public;
grant execute on function public.me() to authenticated;
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for select to authenticated using (user_id = public.me());
grant select on public.notes to authenticated;
