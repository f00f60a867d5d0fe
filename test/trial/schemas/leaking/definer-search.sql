-- why: a function with its owner's rights finds anybody's rows by their text
-- finds: POL156 function public.search(q text, n integer)

create table public.notes (
  id uuid primary key,
  user_id uuid not null references public.users (id),
  body text
);
alter table public.notes enable row level security;
alter table public.notes force row level security;
create policy a on public.notes for select to authenticated using (user_id = (select auth.uid()));
create policy m on public.notes for select to migrator using (true);
grant select on public.notes to authenticated;
create function public.search(q text, n int default 5) returns table(body text)
  language plpgsql stable security definer set search_path = ''
  as $$ begin return query select t.body from public.notes t
    where t.body ilike '%'||q||'%' limit n; end $$;
revoke execute on function public.search(text, int) from public;
grant execute on function public.search(text, int) to authenticated;
