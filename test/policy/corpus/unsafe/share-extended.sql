-- unsafe: who a file is shared with extends the share, by hiding it
-- rows: insert into public.files (id, owner, body) values ('11111111-1111-4111-8111-111111111111', :b, 'b'); insert into public.file_shares (file, reader, ends_at) values ('11111111-1111-4111-8111-111111111111', :a, '2001-01-01')
-- as: authenticated a
-- query: update public.file_shares set hidden = true, ends_at = '2099-01-01' where reader = :a; select count(*) from public.files
-- returns: 1

create table public.files (id uuid primary key default gen_random_uuid(), owner uuid not null references public.users (id) on delete cascade, body text);
create index on public.files (owner);
create table public.file_shares (id uuid primary key default gen_random_uuid(), file uuid not null references public.files (id) on delete cascade, reader uuid not null references public.users (id) on delete cascade,
  ends_at timestamptz default now() + interval '7 days', hidden boolean not null default false, unique (file, reader));
create index on public.file_shares (reader);
alter table public.files enable row level security, force row level security;
alter table public.file_shares enable row level security, force row level security;
create policy s on public.file_shares for select to authenticated using (reader = (select auth.uid()));
create policy u on public.file_shares for update to authenticated using (reader = (select auth.uid())) with check (reader = (select auth.uid()));
create policy f on public.files for select to authenticated using (owner = (select auth.uid()) or exists (
  select from public.file_shares s where s.file = files.id and s.reader = (select auth.uid()) and (s.ends_at is null or s.ends_at > now())));
grant select on public.files to authenticated;
grant select, update (hidden, ends_at) on public.file_shares to authenticated;
