-- unsafe: a definer trigger fills in the text of the row that the new one refers to
-- rows: insert into public.posts (id, user_id, body) values (:b, :b, 'of b')
-- as: authenticated a
-- query: insert into public.posts (user_id, quotes, body) values (:a, :b, '') returning quoted
-- returns: of b

create table public.posts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null,
  quotes uuid references public.posts (id) on delete set null,
  quoted text
);
create index on public.posts (user_id);
create index on public.posts (quotes);
alter table public.posts enable row level security, force row level security;
create policy posts_own on public.posts for all to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy posts_migrator on public.posts for select to migrator using (true);
grant select, insert (user_id, body, quotes) on public.posts to authenticated;
create function public.quote_post() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  original public.posts%rowtype;
begin
  select * into original from public.posts p where p.id = new.quotes;
  new.quoted := original.body;
  return new;
end $$;
revoke all on function public.quote_post() from public;
create trigger quote_post before insert on public.posts for each row when (new.quotes is not null) execute function public.quote_post();
