alter default privileges in schema public revoke execute on functions from public;
create table public.batches (
  id integer primary key,
  user_id uuid not null references public.users (id) on delete cascade
);
create index on public.batches (user_id);
alter table public.batches enable row level security, force row level security;
create policy batches_own on public.batches for select to authenticated using (user_id = (select auth.uid()));
grant select on public.batches to authenticated;
