-- safe: an upsert of the caller's preferences
-- rows: insert into public.preferences values (:b, '{"of": "b"}')
-- as: authenticated a
-- query: select public.set_preferences('{"of": "a"}')
-- proof: select body ->> 'of' from public.preferences where subject = :b
-- returns: b

create table public.preferences (
  subject uuid primary key references public.users (id) on delete cascade,
  body jsonb not null default '{}'
);
alter table public.preferences enable row level security, force row level security;
create policy preferences_own on public.preferences for all to authenticated
  using (subject = (select auth.uid())) with check (subject = (select auth.uid()));
grant select, insert, update (body) on public.preferences to authenticated;
create function public.set_preferences(wanted jsonb) returns void
language sql set search_path = '' as $$
  insert into public.preferences (subject, body) values (auth.uid(), wanted)
  on conflict (subject) do update set body = excluded.body
$$;
revoke all on function public.set_preferences(jsonb) from public;
grant execute on function public.set_preferences(jsonb) to authenticated;
