-- why: a trigger changes the rows of all users
-- finds: POL152 public.notes

create table public.notes (
  id uuid primary key,
  user_id uuid not null references public.users (id),
  body text
);
create table public.counters (
  user_id uuid primary key references public.users (id),
  n int not null default 0
);
alter table public.notes enable row level security;
alter table public.notes force row level security;
alter table public.counters enable row level security;
alter table public.counters force row level security;
create policy a on public.notes to authenticated using (user_id = (select auth.uid()));
create policy m on public.counters to migrator using (true) with check (true);
create policy r on public.counters for select to authenticated
  using (user_id = (select auth.uid()));
create function public.bump() returns trigger
  language plpgsql security definer set search_path = ''
  as $$ begin update public.counters set n = n+1; return new; end $$;
revoke execute on function public.bump() from public;
create trigger t after insert on public.notes for each row execute function public.bump();
grant select, insert on public.notes to authenticated;
grant select on public.counters to authenticated;
