-- safe: a trigger signs each new row with who makes it
-- rows: insert into public.bookmarks (user_id, url) values (:a, 'https://a.example'), (:b, 'https://b.example')
-- as: authenticated a
-- query: insert into public.bookmarks (url) values ('https://c.example'); select count(*) from public.bookmarks
-- returns: 2

create table public.bookmarks (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  url text not null
);
create index on public.bookmarks (user_id);
create function public.sign_bookmark() returns trigger language plpgsql set search_path = '' as $$
begin
  new.user_id := coalesce((select auth.uid()), new.user_id);
  return new;
end $$;
revoke all on function public.sign_bookmark() from public;
create trigger sign_bookmark before insert on public.bookmarks
  for each row execute function public.sign_bookmark();
alter table public.bookmarks enable row level security, force row level security;
create policy bookmarks_select_own on public.bookmarks for select to authenticated
  using ((select auth.uid()) = user_id);
create policy bookmarks_insert_own on public.bookmarks for insert to authenticated
  with check ((select auth.uid()) = user_id);
grant select, insert (user_id, url) on public.bookmarks to authenticated;
