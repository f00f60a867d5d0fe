-- unsafe: of two helpers of a name, the one that says whose row it is takes another type
-- rows: insert into public.notes (user_id, body) values (:a, 'of A'), (:b, 'of B')
-- as: authenticated a
-- query: select count(*) from public.notes
-- returns: 2

create table public.notes (id uuid primary key default gen_random_uuid(), user_id uuid not null references public.users (id), body text not null);
alter table public.notes enable row level security, force row level security;
create index on public.notes (user_id);
create function public.is_mine(owner uuid) returns boolean language sql stable set search_path = '' as $$ select owner is not null $$;
create function public.is_mine(owner text) returns boolean language sql stable set search_path = '' as $$ select owner = auth.uid()::text $$;
revoke all on function public.is_mine(uuid), public.is_mine(text) from public;
grant execute on function public.is_mine(uuid), public.is_mine(text) to authenticated;
create policy own on public.notes for select to authenticated using (public.is_mine(user_id));
grant select on public.notes to authenticated;
