-- unsafe: a definer trigger of a statement makes rows for whom the added rows name
-- as: authenticated a
-- query: insert into public.notes (user_id, recipient_id, body) values (:a, :b, 'by a')
-- proof: select motto from public.scores where user_id = :b
-- returns: by a

create table public.scores (
  user_id uuid primary key references public.users (id) on delete cascade,
  points integer not null default 0,
  motto text not null default ''
);
alter table public.scores enable row level security, force row level security;
create policy scores_own on public.scores for select to authenticated using ((select auth.uid()) = user_id);
create policy scores_migrator on public.scores for all to migrator using (true) with check (true);
grant select on public.scores to authenticated;
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default '',
  recipient_id uuid references public.users (id) on delete cascade
);
create index on public.notes (user_id);
create index on public.notes (recipient_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert (user_id, recipient_id, body), delete on public.notes to authenticated;
create function public.greet_added() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.scores (user_id, motto) select recipient_id, body from added;
  return null;
end $$;
revoke all on function public.greet_added() from public;
create trigger greet_added after insert on public.notes
  referencing new table as added for each statement execute function public.greet_added();
