-- unsafe: an update of one's own row overwrites the rows of others that a key in it names
-- rows: insert into public.pages (id, user_id, body) values (:a, :a, 'of a'), (:b, :b, 'of b')
-- as: authenticated a
-- query: update public.pages set mirror_of = :b, body = 'taken'
-- proof: select body from public.pages where user_id = :b
-- returns: taken

create table public.pages (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  mirror_of uuid,
  body text
);
create index on public.pages (user_id);
alter table public.pages enable row level security, force row level security;
create policy pages_own on public.pages for all to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy pages_migrator on public.pages for all to migrator using (true) with check (true);
grant select, update (mirror_of, body) on public.pages to authenticated;
create function public.mirror_page() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  update public.pages p set body = new.body where p.id = new.mirror_of and p.id <> new.id;
  return null;
end $$;
revoke all on function public.mirror_page() from public;
create trigger mirror_page after update of body on public.pages for each row execute function public.mirror_page();
