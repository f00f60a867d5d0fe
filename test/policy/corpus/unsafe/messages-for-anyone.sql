-- unsafe: a message may be sent in another's name
-- rows: insert into public.conversations (id) values (:a); insert into public.participants values (:a, :a), (:a, :b)
-- as: authenticated a
-- query: insert into public.messages (conversation_id, sender_id, body) values (:a, :b, 'forged')
-- proof: select count(*) from public.messages where sender_id = :b
-- returns: 1

create table public.conversations (id uuid primary key default gen_random_uuid());
create table public.participants (
  conversation_id uuid not null references public.conversations (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  primary key (conversation_id, user_id)
);
create table public.messages (
  id bigint generated always as identity primary key,
  conversation_id uuid not null references public.conversations (id) on delete cascade,
  sender_id uuid not null references public.users (id) on delete cascade,
  body text
);
create index on public.participants (user_id);
create index on public.messages (conversation_id);
create index on public.messages (sender_id);
alter table public.conversations enable row level security, force row level security;
alter table public.participants enable row level security, force row level security;
alter table public.messages enable row level security, force row level security;
create policy participants_self on public.participants for select to authenticated using (user_id = (select auth.uid()));
create policy messages_read on public.messages for select to authenticated
  using (exists (select from public.participants p where p.conversation_id = messages.conversation_id and p.user_id = (select auth.uid())));
create policy messages_send on public.messages for insert to authenticated
  with check (exists (select from public.participants p where p.conversation_id = messages.conversation_id and p.user_id = (select auth.uid())));
grant select on public.participants to authenticated;
grant select, insert (conversation_id, sender_id, body) on public.messages to authenticated;
