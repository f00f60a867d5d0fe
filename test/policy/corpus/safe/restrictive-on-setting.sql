-- safe: a restrictive policy on a setting, beside the policy for one's own rows
-- rows: insert into public.notes (user_id) values (:a), (:b)
-- as: authenticated a
-- query: select set_config('app.channel', 'web', true); select count(*) from public.notes
-- returns: 1

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for select to authenticated using (user_id = (select auth.uid()));
create policy notes_web on public.notes as restrictive for select to authenticated
  using ((select current_setting('app.channel', true)) = 'web');
grant select on public.notes to authenticated;
