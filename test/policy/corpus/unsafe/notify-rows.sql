-- unsafe: each note is sent to whoever listens, for which no right is needed
-- as: authenticated a
-- query: insert into public.notes (user_id, body) values (:a, 'x') returning body
-- returns: x

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert (user_id, body) on public.notes to authenticated;
create function public.tell_note() returns trigger language plpgsql set search_path = '' as $$
declare
  said jsonb := to_jsonb(new);
begin
  perform pg_notify('notes', said::text);
  return null;
end $$;
revoke all on function public.tell_note() from public;
create trigger tell_note after insert on public.notes for each row execute function public.tell_note();
