-- why: a table names the readers of a row

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id),
  body text not null
);
create table public.shares (
  note_id uuid not null references public.notes (id),
  user_id uuid not null references public.users (id),
  primary key (note_id, user_id)
);
alter table public.notes enable row level security, force row level security;
alter table public.shares enable row level security, force row level security;
create index on public.notes (user_id);
create index on public.shares (user_id);
create policy s on public.shares for select to authenticated
  using (user_id = (select auth.uid()));
create policy r on public.notes for select to authenticated
  using (user_id = (select auth.uid()) or exists (select from public.shares s
    where s.note_id = notes.id and s.user_id = (select auth.uid())));
grant select on public.notes, public.shares to authenticated;
