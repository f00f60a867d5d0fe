-- safe: a definer trigger makes the text of the row that is written tidy
-- as: authenticated a
-- query: insert into public.notes (user_id, body, tags) values (:a, '  Mine   own ', '{B,a,B}') returning body || array_to_string(tags, ',')
-- returns: mine own 42a,b

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default '',
  tags text[] not null default '{}'
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert (user_id, body, tags), delete on public.notes to authenticated;
create function public.tidy() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  new.body := lower(regexp_replace(btrim(new.body), '\s+', ' ', 'g'));
  new.body := left(new.body, 1000) || ' ' || 42;
  new.tags := array(select distinct lower(tag) from unnest(new.tags) tag order by 1);
  return new;
end $$;
revoke all on function public.tidy() from public;
create trigger tidy before insert on public.notes
  for each row execute function public.tidy();
