-- unsafe: comments are written in one's own name, on any post
-- shares: public.stories
-- rows: insert into public.stories (id, writer, visible) values ('11111111-1111-4111-8111-111111111111', :b, true), ('22222222-2222-4222-8222-222222222222', :b, false)
-- as: authenticated a
-- query: insert into public.remarks (story_id, user_id, body) values ('22222222-2222-4222-8222-222222222222', :a, 'x'); select count(*) from public.remarks
-- returns: 1

create table public.stories (
  id uuid primary key default gen_random_uuid(),
  writer uuid not null references public.users (id) on delete cascade,
  visible boolean not null default false
);
create index on public.stories (writer);
create table public.remarks (
  id uuid primary key default gen_random_uuid(),
  story_id uuid not null references public.stories (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null
);
create index on public.remarks (story_id);
create index on public.remarks (user_id);
alter table public.stories enable row level security, force row level security;
alter table public.remarks enable row level security, force row level security;
create policy stories_read on public.stories for select to authenticated
  using (visible or writer = (select auth.uid()));
create policy remarks_read on public.remarks for select to authenticated
  using (
    user_id = (select auth.uid())
    or exists (select from public.stories s where s.id = remarks.story_id and s.writer = (select auth.uid()))
  );
create policy remarks_write on public.remarks for insert to authenticated
  with check (
    user_id = (select auth.uid())
  );
grant select on public.stories to authenticated;
grant select, insert (story_id, user_id, body) on public.remarks to authenticated;
