-- unsafe: a definer trigger counts in the row that is named, and returns its text into the written one
-- rows: insert into public.posts (id, user_id, body) values (:b, :b, 'of b')
-- as: authenticated a
-- query: insert into public.notes (user_id, post_id) values (:a, :b) returning body
-- returns: of b

create table public.posts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default '',
  quotes integer not null default 0
);
create index on public.posts (user_id);
alter table public.posts enable row level security, force row level security;
create policy posts_own on public.posts for select to authenticated using ((select auth.uid()) = user_id);
create policy posts_migrator on public.posts for all to migrator using (true) with check (true);
grant select on public.posts to authenticated;
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default '',
  post_id uuid references public.posts (id) on delete cascade
);
create index on public.notes (user_id);
create index on public.notes (post_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert (user_id, post_id), delete on public.notes to authenticated;
create function public.quote() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  update public.posts p set quotes = p.quotes + 1 where p.id = new.post_id returning p.body into new.body;
  return new;
end $$;
revoke all on function public.quote() from public;
create trigger quote before insert on public.notes
  for each row execute function public.quote();
