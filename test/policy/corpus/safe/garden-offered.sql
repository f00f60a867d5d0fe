-- safe: a garden goes to the one whom its owner offers it
-- rows: insert into public.gardens (id, owner, plan) values ('11111111-1111-4111-8111-111111111111', :b, 'b')
-- as: authenticated a
-- query: select 1; select count(*) from public.gardens
-- returns: 0

create table public.gardens (id uuid primary key default gen_random_uuid(), owner uuid not null references public.users (id) on delete cascade, offered_to uuid references public.users (id) on delete set null, plan text);
create index on public.gardens (owner); create index on public.gardens (offered_to);
alter table public.gardens enable row level security, force row level security;
create policy m on public.gardens for all to migrator using (true) with check (true);
create policy g on public.gardens for select to authenticated using (owner = (select auth.uid()));
create policy o on public.gardens for update to authenticated using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
grant select, update (plan, offered_to) on public.gardens to authenticated;
create function public.take_garden(g uuid) returns void language plpgsql security definer set search_path = '' as $$
begin
  update public.gardens set owner = auth.uid(), offered_to = null where id = g and offered_to = auth.uid();
  if not found then raise exception 'not offered'; end if;
end $$;
revoke all on function public.take_garden(uuid) from public; grant execute on function public.take_garden(uuid) to authenticated;
