-- why: users are texts

create table public.prefs (
  owner text primary key,
  theme text not null default 'x'
);
alter table public.prefs enable row level security;
alter table public.prefs force row level security;
create policy a on public.prefs to authenticated
  using (owner = (select auth.uid())::text)
  with check (owner = (select auth.uid())::text);
grant select, insert, update, delete on public.prefs to authenticated;
