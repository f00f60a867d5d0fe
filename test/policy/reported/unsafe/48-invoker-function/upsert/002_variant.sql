create table public.tags (
  id bigint primary key,
  holder uuid not null references public.users (id) on delete cascade,
  label text not null
);
create index on public.tags (holder);
alter table public.tags enable row level security, force row level security;
create policy tags_own on public.tags for all to authenticated
  using (holder = (select auth.uid())) with check (holder = (select auth.uid()));
grant select, delete, insert, update (label) on public.tags to authenticated;
create policy tags_migrator on public.tags for all to migrator using (true) with check (true);
create function public.tag(n bigint, wanted text) returns bigint
language sql security definer set search_path = '' as $$
  insert into public.tags (id, holder, label) values (n, auth.uid(), wanted)
  on conflict (id) do update set label = excluded.label
  returning id
$$;
revoke all on function public.tag(bigint, text) from public;
grant execute on function public.tag(bigint, text) to authenticated;
