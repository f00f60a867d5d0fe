-- unsafe: a catalogue for everybody into which a trigger copies what users say to it
-- rows: insert into public.phrases (id, phrase) values (:a, 'guten Tag')
-- as: authenticated a
-- query: insert into public.phrase_likes (user_id, phrase_id, said) values (:a, :a, 'of a')
-- proof: select phrase from public.phrases
-- returns: of a

create table public.phrases (
  id uuid primary key default gen_random_uuid(),
  phrase text not null,
  likes bigint not null default 0
);
create table public.phrase_likes (
  user_id uuid not null references public.users (id) on delete cascade,
  phrase_id uuid not null references public.phrases (id) on delete cascade,
  said text not null default '',
  primary key (user_id, phrase_id)
);
create index on public.phrase_likes (phrase_id);
alter table public.phrases enable row level security, force row level security;
alter table public.phrase_likes enable row level security, force row level security;
create policy phrases_read on public.phrases for select to authenticated using (true);
create policy phrases_migrator on public.phrases for all to migrator using (true) with check (true);
create policy likes_read on public.phrase_likes for select to authenticated using ((select auth.uid()) = user_id);
create policy likes_insert on public.phrase_likes for insert to authenticated
  with check ((select auth.uid()) = user_id);
create policy likes_delete on public.phrase_likes for delete to authenticated using ((select auth.uid()) = user_id);
grant select on public.phrases to authenticated;
grant select, insert, delete on public.phrase_likes to authenticated;
create function public.count_likes() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    update public.phrases p set likes = p.likes + 1, phrase = new.said where p.id = new.phrase_id;
  else
    update public.phrases p set likes = greatest(p.likes - 1, 0) where p.id = old.phrase_id;
  end if;
  return null;
end $$;
revoke all on function public.count_likes() from public;
create trigger count_likes after insert or delete on public.phrase_likes
  for each row execute function public.count_likes();
