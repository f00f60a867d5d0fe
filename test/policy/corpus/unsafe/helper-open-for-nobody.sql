-- unsafe: a PL/pgSQL helper that returns true where nobody is signed in
-- rows: insert into public.posts (user_id) values (:a), (:b)
-- as: authenticated -
-- query: select count(*) from public.posts
-- returns: 2

create function public.may_see(owner uuid) returns boolean language plpgsql stable set search_path = '' as $$
begin
  if auth.uid() is not null then
    return owner = auth.uid();
  end if;
  return true;
end
$$;
revoke all on function public.may_see(uuid) from public;
grant execute on function public.may_see(uuid) to authenticated;
create table public.posts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.posts (user_id);
alter table public.posts enable row level security, force row level security;
create policy own on public.posts for select to authenticated using (public.may_see(user_id));
grant select on public.posts to authenticated;
