-- why: who is in no other list reads everything
-- finds: POL151 public.notes

create table public.bans (
  id uuid primary key,
  user_id uuid not null references public.users (id)
);
alter table public.bans enable row level security;
alter table public.bans force row level security;
create policy a on public.bans for select to authenticated using (user_id = (select auth.uid()));
grant select on public.bans to authenticated;
create table public.notes (
  id uuid primary key,
  user_id uuid not null references public.users (id),
  body text
);
alter table public.notes enable row level security;
alter table public.notes force row level security;
create policy a on public.notes for select to authenticated
  using (not exists (select from public.bans b where b.user_id = (select auth.uid())));
grant select on public.notes to authenticated;
