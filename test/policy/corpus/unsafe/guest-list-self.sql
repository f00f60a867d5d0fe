-- unsafe: readers of a document may make themselves readers of others, by an update of the list
-- rows: insert into public.documents (id, user_id, title) values (:a, :a, 'of a'), (:b, :b, 'of b'); insert into public.document_readers values (:a, :a)
-- as: authenticated a
-- query: update public.document_readers set document_id = :b; select title from public.documents where user_id <> :a
-- returns: of b

create table public.documents (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  title text
);
create table public.document_readers (
  document_id uuid not null references public.documents (id) on delete cascade,
  reader_id uuid not null references public.users (id) on delete cascade,
  primary key (document_id, reader_id)
);
create index on public.documents (user_id);
create index on public.document_readers (reader_id);
alter table public.documents enable row level security, force row level security;
alter table public.document_readers enable row level security, force row level security;
create policy readers_self on public.document_readers for all to authenticated
  using (reader_id = (select auth.uid())) with check (reader_id = (select auth.uid()));
grant select, update, delete on public.document_readers to authenticated;
create policy documents_read on public.documents for select to authenticated
  using (user_id = (select auth.uid()) or id in (
    select r.document_id from public.document_readers r where r.reader_id = (select auth.uid())));
grant select on public.documents to authenticated;
