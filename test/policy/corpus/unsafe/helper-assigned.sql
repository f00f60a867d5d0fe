-- unsafe: a helper whose variable is assigned again
-- rows: insert into public.posts (user_id) values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public.posts
-- returns: 2

create function public.may_see(owner uuid) returns boolean language plpgsql stable set search_path = '' as $$
declare
  me uuid := auth.uid();
begin
  if owner is not null then
    me := owner;
  end if;
  return owner = me;
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
