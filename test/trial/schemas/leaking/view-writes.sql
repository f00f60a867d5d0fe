-- why: a view with its owner's rights writes for others
-- finds: POL156 public.mine

create table public.notes (
  id uuid primary key,
  user_id uuid not null references public.users (id),
  body text
);
alter table public.notes enable row level security;
alter table public.notes force row level security;
create policy a on public.notes to authenticated using (user_id = (select auth.uid()));
create policy m on public.notes to migrator using (true) with check (true);
create view public.mine as select id, user_id, body from public.notes where user_id = auth.uid();
grant insert, update on public.mine to authenticated;
grant select on public.notes to authenticated;
