-- why: a row has two users

create table public.messages (
  id bigint primary key,
  sender_id uuid not null references public.users (id),
  recipient_id uuid not null references public.users (id),
  body text not null,
  check (sender_id <> recipient_id)
);
alter table public.messages enable row level security;
alter table public.messages force row level security;
create policy r on public.messages for select to authenticated
  using ((select auth.uid()) in (sender_id, recipient_id));
create policy i on public.messages for insert to authenticated
  with check (sender_id = (select auth.uid()));
grant select, insert on public.messages to authenticated;
