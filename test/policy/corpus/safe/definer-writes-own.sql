-- safe: a definer function that writes the caller's own row
-- as: authenticated a
-- query: select public.set_nickname('x')
-- proof: select count(*) from public.profiles where user_id = :a and nickname = 'x'
-- returns: 1

create table public.profiles (
  user_id uuid primary key references public.users (id) on delete cascade,
  nickname text not null
);
alter table public.profiles enable row level security, force row level security;
create policy profiles_own on public.profiles for select to authenticated using (user_id = (select auth.uid()));
create policy profiles_migrator on public.profiles for all to migrator using (true) with check (true);
grant select on public.profiles to authenticated;
create function public.set_nickname(nickname text) returns void language sql security definer set search_path = '' as $$
  insert into public.profiles as p (user_id, nickname) values (auth.uid(), set_nickname.nickname)
  on conflict (user_id) do update set nickname = excluded.nickname where p.user_id = auth.uid()
$$;
revoke all on function public.set_nickname(text) from public;
grant execute on function public.set_nickname(text) to authenticated;
