-- safe: null-safe, but only for who is signed in
-- rows: insert into public.messages (user_id) values (:a), (:b), (null)
-- as: authenticated a
-- query: select count(*) from public.messages
-- returns: 1

create table public.messages (id bigint generated always as identity primary key, user_id uuid references public.users (id) on delete set null, body text);
create index on public.messages (user_id);
alter table public.messages enable row level security, force row level security;
create policy own on public.messages for select to authenticated using (auth.uid() is not null and user_id is not distinct from auth.uid());
grant select on public.messages to authenticated;
