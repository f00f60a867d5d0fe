-- unsafe: an audit trail by a definer trigger; whoever is signed in sees the trail of a table
-- rows: select set_config('request.jwt.claims', '{"sub": "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"}', true)
-- rows: ; insert into public.letters (owner_id, body) values (:b, 'of b')
-- as: authenticated a
-- query: select count(*) from public.audit_log
-- returns: 1

create table public.letters (
  id uuid primary key default gen_random_uuid(),
  owner_id uuid not null references public.users (id) on delete cascade,
  body text not null
);
create index on public.letters (owner_id);
create table public.audit_log (
  id bigint generated always as identity primary key,
  table_name text not null,
  row_id uuid not null,
  actor uuid,
  content jsonb,
  at timestamptz not null default now()
);
create index on public.audit_log (actor);
alter table public.letters enable row level security, force row level security;
alter table public.audit_log enable row level security, force row level security;
create function public.write_audit() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.audit_log (table_name, row_id, actor, content)
  values (tg_table_name, new.id, auth.uid(), to_jsonb(new));
  return new;
end
$$;
revoke all on function public.write_audit() from public;
create policy audit_log_written on public.audit_log for insert to migrator with check (true);
create trigger letters_audit after insert or update on public.letters
  for each row execute function public.write_audit();
create policy letters_own on public.letters for all to authenticated
  using (owner_id = (select auth.uid())) with check (owner_id = (select auth.uid()));
create policy audit_log_read on public.audit_log for select to authenticated
  using (actor = (select auth.uid()) or table_name = 'letters');
grant select, delete, insert (owner_id, body), update (body) on public.letters to authenticated;
grant select on public.audit_log to authenticated;
