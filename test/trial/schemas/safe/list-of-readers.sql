-- why: a row lists its readers

create table public.notes (
  id uuid primary key,
  user_id uuid not null references public.users (id),
  shared_with uuid[] not null default '{}',
  body text
);
alter table public.notes enable row level security;
alter table public.notes force row level security;
create policy r on public.notes for select to authenticated
  using (user_id = (select auth.uid()) or (select auth.uid()) = any(shared_with));
grant select on public.notes to authenticated;
