-- unsafe: an upsert with the owner's rights, for the user whom the caller names
-- rows: insert into public.preferences values (:b, '{"of": "b"}')
-- as: authenticated a
-- query: select public.set_preferences(:b, '{"of": "a"}')
-- proof: select body ->> 'of' from public.preferences where subject = :b
-- returns: a

create table public.preferences (
  subject uuid primary key references public.users (id) on delete cascade,
  body jsonb not null default '{}'
);
alter table public.preferences enable row level security, force row level security;
create policy preferences_own on public.preferences for all to authenticated
  using (subject = (select auth.uid())) with check (subject = (select auth.uid()));
grant select, insert, update (body) on public.preferences to authenticated;
create policy preferences_migrator on public.preferences for all to migrator using (true) with check (true);
create function public.set_preferences(for_whom uuid, wanted jsonb) returns void
language sql security definer set search_path = '' as $$
  insert into public.preferences (subject, body) values (for_whom, wanted)
  on conflict (subject) do update set body = excluded.body
$$;
revoke all on function public.set_preferences(uuid, jsonb) from public;
grant execute on function public.set_preferences(uuid, jsonb) to authenticated;
