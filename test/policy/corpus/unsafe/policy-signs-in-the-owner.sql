-- unsafe: a policy signs in the owner of the row before it compares
-- rows: insert into public.notes (user_id, body) values (:a, 'of A'), (:b, 'of B')
-- as: authenticated a
-- query: select count(*) from public.notes
-- returns: 2

create table public.notes (id uuid primary key default gen_random_uuid(), user_id uuid not null references public.users (id), body text not null);
alter table public.notes enable row level security, force row level security;
create index on public.notes (user_id);
create function public.act_as(who uuid) returns boolean language plpgsql set search_path = '' as $$
begin
  perform set_config('request.jwt.claims', json_build_object('sub', who)::text, true);
  return true;
end
$$;
revoke all on function public.act_as(uuid) from public;
grant execute on function public.act_as(uuid) to authenticated;
create policy own on public.notes for select to authenticated using (case when public.act_as(user_id) then user_id = auth.uid() end);
grant select on public.notes to authenticated;
