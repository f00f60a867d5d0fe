-- safe: a document is shared by its owner until a day
-- rows: insert into public.sheets (id, maker) values ('11111111-1111-4111-8111-111111111111', :b)
-- as: authenticated a
-- query: select 1; select count(*) from public.sheets
-- returns: 0

create table public.sheets (
  id uuid primary key default gen_random_uuid(),
  maker uuid not null references public.users (id) on delete cascade,
  cells text
);
create index on public.sheets (maker);
create table public.sheet_shares (
  sheet_id uuid not null references public.sheets (id) on delete cascade,
  reader uuid not null references public.users (id) on delete cascade,
  given_by uuid not null references public.users (id) on delete cascade,
  expires_at timestamptz default now() + interval '1 day',
  primary key (sheet_id, reader)
);
create index on public.sheet_shares (reader);
create index on public.sheet_shares (given_by);
alter table public.sheets enable row level security, force row level security;
alter table public.sheet_shares enable row level security, force row level security;
create policy sheets_migrator on public.sheets for all to migrator using (true) with check (true);
create function public.makes_sheet(sheet uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select from public.sheets s where s.id = sheet and s.maker = auth.uid())
$$;
revoke all on function public.makes_sheet(uuid) from public;
grant execute on function public.makes_sheet(uuid) to authenticated;
create policy sheets_read on public.sheets for select to authenticated
  using (
    maker = (select auth.uid())
    or exists (
      select from public.sheet_shares h
      where h.sheet_id = sheets.id and h.reader = (select auth.uid())
        and (h.expires_at is null or h.expires_at > now())
    )
  );
create policy shares_read on public.sheet_shares for select to authenticated
  using (reader = (select auth.uid()) or given_by = (select auth.uid()));
create policy shares_give on public.sheet_shares for insert to authenticated
  with check (given_by = (select auth.uid()) and public.makes_sheet(sheet_id));
grant select on public.sheets to authenticated;
grant select, insert (sheet_id, reader, given_by, expires_at) on public.sheet_shares to authenticated;
