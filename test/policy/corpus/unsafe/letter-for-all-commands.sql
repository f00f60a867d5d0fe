-- unsafe: the recipient of a letter writes it in the sender's name, by a policy for every command
-- as: authenticated a
-- query: insert into public.letters (sender_id, recipient_id, body) values (:b, :a, 'forged') returning body
-- returns: forged

create table public.letters (
  id uuid primary key default gen_random_uuid(),
  sender_id uuid not null references public.users (id) on delete cascade,
  recipient_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.letters (sender_id);
create index on public.letters (recipient_id);
alter table public.letters enable row level security, force row level security;
create policy letters_own on public.letters for all to authenticated
  using ((select auth.uid()) = sender_id or recipient_id = (select auth.uid()));
grant select, insert (sender_id, recipient_id, body) on public.letters to authenticated;
