create table public.creators (
  id uuid primary key default gen_random_uuid(),
  is_run_by uuid not null references public.users (id) on delete cascade,
  label text
);
create index on public.creators (is_run_by);
create table public.videos (
  id uuid primary key default gen_random_uuid(),
  creator_id uuid not null references public.creators (id) on delete cascade,
  seconds integer not null
);
create index on public.videos (creator_id);
alter table public.creators enable row level security, force row level security;
alter table public.videos enable row level security, force row level security;
create policy creators_own on public.creators for all to authenticated
  using (is_run_by = (select auth.uid())) with check (is_run_by = (select auth.uid()));
create policy videos_own on public.videos for all to authenticated
  using (exists (select from public.creators p where p.id = videos.creator_id and p.is_run_by = (select auth.uid())))
  with check (exists (select from public.creators p where p.id = videos.creator_id and p.is_run_by = (select auth.uid())));
grant select, delete, insert (is_run_by, label), update (label) on public.creators to authenticated;
grant select, delete, insert (creator_id, seconds), update (seconds) on public.videos to authenticated;
