-- safe: messages lean on the conversation's own policy
-- rows: insert into public.conversations (id) values (:a), (:b); insert into public.participants values (:a, :a), (:b, :b); insert into public.messages (conversation_id) values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public.messages
-- returns: 1

create table public.conversations (id uuid primary key default gen_random_uuid(), subject text);
create table public.participants (conversation_id uuid not null references public.conversations (id), user_id uuid not null references public.users (id), primary key (conversation_id, user_id));
create table public.messages (id uuid primary key default gen_random_uuid(), conversation_id uuid not null references public.conversations (id), body text);
create index on public.participants (user_id);
create index on public.messages (conversation_id);
alter table public.conversations enable row level security, force row level security;
alter table public.participants enable row level security, force row level security;
alter table public.messages enable row level security, force row level security;
create policy p on public.participants for select to authenticated using (user_id = (select auth.uid()));
create policy c on public.conversations for select to authenticated using (id in (select conversation_id from public.participants where user_id = (select auth.uid())));
create policy m on public.messages for select to authenticated using (conversation_id in (select id from public.conversations));
grant select on public.conversations, public.participants, public.messages to authenticated;
