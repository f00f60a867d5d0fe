-- safe: a profile whose key is the user, without a foreign key
-- rows: insert into public.personas values (:a, 'a'), (:b, 'b')
-- as: authenticated a
-- query: select count(*) from public.personas
-- returns: 1

create table public.personas (
  id uuid primary key,
  display_name text
);
alter table public.personas enable row level security, force row level security;
create policy "Users can view own persona" on public.personas for select to authenticated
  using (auth.uid() = id);
create policy "Users can insert own persona" on public.personas for insert to authenticated
  with check (auth.uid() = id);
create policy "Users can update own persona" on public.personas for update to authenticated
  using (auth.uid() = id);
grant select, insert, update (display_name) on public.personas to authenticated;
