-- unsafe: what users did in a course is theirs, not that of everybody in it
-- rows: insert into public.courses (id) values (:a); insert into public.enrollments values (:a, :a), (:a, :b); insert into public.answers (course_id, user_id) values (:a, :a), (:a, :b)
-- as: authenticated a
-- query: select count(*) from public.answers
-- returns: 2

create table public.courses (id uuid primary key default gen_random_uuid(), name text);
create table public.enrollments (course_id uuid not null references public.courses (id), user_id uuid not null references public.users (id), primary key (course_id, user_id));
create index on public.enrollments (user_id);
create table public.answers (
  id uuid primary key default gen_random_uuid(),
  course_id uuid not null references public.courses (id),
  user_id uuid not null references public.users (id),
  body text
);
create index on public.answers (course_id);
create index on public.answers (user_id);
alter table public.courses enable row level security, force row level security;
alter table public.enrollments enable row level security, force row level security;
alter table public.answers enable row level security, force row level security;
create policy own on public.enrollments for select to authenticated using (user_id = (select auth.uid()));
create policy mates on public.answers for select to authenticated
  using (course_id in (select e.course_id from public.enrollments e where e.user_id = (select auth.uid())));
grant select on public.enrollments, public.answers to authenticated;
