-- safe: a helper that raises for whoever is nobody
-- rows: insert into public.notes (user_id) values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public.notes
-- returns: 1

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create function public.require_user() returns uuid language plpgsql stable set search_path = '' as $$
declare
  me uuid := auth.uid();
begin
  if me is null then
    raise exception using errcode = '28000', message = 'sign in first';
  end if;
  return me;
end $$;
revoke all on function public.require_user() from public;
grant execute on function public.require_user() to authenticated;
create policy notes_read on public.notes for select to authenticated using (user_id = (select public.require_user()));
grant select on public.notes to authenticated;
