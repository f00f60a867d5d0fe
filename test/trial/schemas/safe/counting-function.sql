-- why: a function with its owner's rights counts the caller's rows; a view has the caller's rights

create table public.notes (
  id uuid primary key,
  user_id uuid not null references public.users (id),
  body text
);
alter table public.notes enable row level security;
alter table public.notes force row level security;
create policy a on public.notes to authenticated using (user_id = (select auth.uid()));
create policy m on public.notes for select to migrator using (true);
create function public.my_count() returns bigint
  language sql stable security definer set search_path = ''
  as 'select count(*) from public.notes where user_id = auth.uid()';
revoke execute on function public.my_count() from public;
grant execute on function public.my_count() to authenticated;
create view public.mine with (security_invoker = true) as select id, body from public.notes;
grant select, update on public.mine to authenticated;
grant select, update on public.notes to authenticated;
