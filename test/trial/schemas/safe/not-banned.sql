-- why: every user may be in the list that shuts users out of their own rows

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
create function public.is_banned() returns boolean
  language sql stable set search_path = ''
  as $$ select exists (select from public.bans b where b.user_id = (select auth.uid())) $$;
revoke execute on function public.is_banned() from public;
grant execute on function public.is_banned() to authenticated;
create policy a on public.notes for select to authenticated
  using (user_id = (select auth.uid())
    and not exists (select from public.bans b where b.user_id = (select auth.uid())));
create policy u on public.notes for update to authenticated
  using (user_id = (select auth.uid()) and not public.is_banned())
  with check (user_id = (select auth.uid()));
create policy d on public.notes for delete to authenticated
  using (user_id = (select auth.uid())
    and (select auth.uid()) not in (select b.user_id from public.bans b));
grant select, update (body), delete on public.notes to authenticated;
