-- safe: an invoker function that inserts or updates a row by its key
-- rows: insert into public.marks (id, user_id, words) values ('11111111-1111-4111-8111-111111111111', :b, 'of b')
-- as: authenticated a
-- query: select public.put_mark('22222222-2222-4222-8222-222222222222', 'x')
-- proof: select count(*) from public.marks
-- returns: 2

create table public.marks (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  words text not null
);
create index on public.marks (user_id);
alter table public.marks enable row level security, force row level security;
create policy marks_own on public.marks for all to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
grant select, delete, insert (id, user_id, words), update (words) on public.marks to authenticated;
create function public.put_mark(mark uuid, wanted text) returns void
language sql set search_path = '' as $$
  insert into public.marks (id, user_id, words) values (mark, auth.uid(), wanted)
  on conflict (id) do update set words = excluded.words
$$;
revoke all on function public.put_mark(uuid, text) from public;
grant execute on function public.put_mark(uuid, text) to authenticated;
