-- unsafe: a definer function that takes on the claims of whom it is told, and then asks the helper
-- rows: insert into public.notes (user_id, body) values (:b, 'of b')
-- as: authenticated a
-- query: select public.first_note(:b)
-- returns: of b

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for select to authenticated using (user_id = (select auth.uid()));
create policy notes_migrator on public.notes for select to migrator using (true);
grant select on public.notes to authenticated;
create function public.first_note(reader uuid) returns text
language plpgsql security definer set search_path = '' as $$
begin
  perform set_config('request.jwt.claims', jsonb_build_object('sub', reader)::text, true);
  return (select n.body from public.notes n where n.user_id = auth.uid() limit 1);
end
$$;
revoke all on function public.first_note(uuid) from public;
grant execute on function public.first_note(uuid) to authenticated;
