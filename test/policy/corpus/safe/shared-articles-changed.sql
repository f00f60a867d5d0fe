-- safe: articles that all may read, and authors change
-- shares: public.articles
-- rows: insert into public.articles (id, created_by, published, body) values ('11111111-1111-4111-8111-111111111111', :b, true, 'of b')
-- as: authenticated a
-- query: update public.articles set body = 'of a'
-- proof: select body from public.articles
-- returns: of b

create table public.articles (
  id uuid primary key default gen_random_uuid(),
  created_by uuid not null references public.users (id) on delete cascade,
  published boolean not null default false,
  body text not null
);
create index on public.articles (created_by);
alter table public.articles enable row level security, force row level security;
create policy articles_read on public.articles for select to authenticated
  using (published or created_by = (select auth.uid()));
create policy articles_change on public.articles for update to authenticated
  using (created_by = (select auth.uid()));
grant select, update (body) on public.articles to authenticated;
