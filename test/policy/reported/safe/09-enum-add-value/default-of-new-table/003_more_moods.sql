alter type public.mood add value 'happy' after 'ok';
create table public.diaries (
  id uuid primary key default gen_random_uuid(),
  writer uuid not null references public.users (id) on delete cascade,
  mood public.mood not null default 'happy' check (mood <> 'sad' or mood <> 'happy')
);
create index on public.diaries (writer);
alter table public.diaries enable row level security, force row level security;
create policy diaries_own on public.diaries for all to authenticated
  using (writer = (select auth.uid())) with check (writer = (select auth.uid()));
grant select, delete, insert (writer, mood), update (mood) on public.diaries to authenticated;
