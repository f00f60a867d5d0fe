-- why: a trigger writes to a trail of the same user

create table public.notes (
  id uuid primary key,
  user_id uuid not null references public.users (id),
  body text
);
create table public.audit (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  what text not null
);
alter table public.notes enable row level security;
alter table public.notes force row level security;
alter table public.audit enable row level security;
alter table public.audit force row level security;
create policy a on public.notes to authenticated using (user_id = (select auth.uid()));
create policy m on public.audit for insert to migrator with check (true);
create policy r on public.audit for select to authenticated using (user_id = (select auth.uid()));
create function public.note_it() returns trigger
  language plpgsql security definer set search_path = ''
  as $$ begin
    insert into public.audit(user_id, what) values (coalesce(new.user_id, old.user_id), tg_op);
    return null; end $$;
revoke execute on function public.note_it() from public;
create trigger t after insert or update or delete on public.notes for each row
  execute function public.note_it();
grant select, insert, update, delete on public.notes to authenticated;
grant select on public.audit to authenticated;
