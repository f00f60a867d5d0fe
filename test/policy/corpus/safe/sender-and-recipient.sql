-- safe: a message is its sender's and its recipient's
-- rows: insert into public.messages (sender_id, recipient_id) values (:a, :a), (:b, :b)
-- as: authenticated a
-- query: select count(*) from public.messages
-- returns: 1

create table public.messages (
  id uuid primary key default gen_random_uuid(),
  sender_id uuid not null references public.users (id),
  recipient_id uuid not null references public.users (id)
);
create index on public.messages (sender_id);
create index on public.messages (recipient_id);
alter table public.messages enable row level security, force row level security;
create policy messages_own on public.messages for select to authenticated
  using ((select auth.uid()) in (sender_id, recipient_id));
grant select on public.messages to authenticated;
