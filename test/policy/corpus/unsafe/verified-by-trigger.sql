-- unsafe: the trigger looks at inserts alone, so that an update verifies
-- rows: insert into public.doctors (id) values (:a); insert into public.charts (patient, body) values (:b, 'b')
-- as: authenticated a
-- query: update public.doctors set verified = true where id = :a; select count(*) from public.charts
-- returns: 1

create table public.doctors (id uuid primary key references public.users (id) on delete cascade, verified boolean not null default false, phone text);
create table public.charts (id uuid primary key default gen_random_uuid(), patient uuid not null references public.users (id) on delete cascade, body text);
create index on public.charts (patient);
alter table public.doctors enable row level security, force row level security;
alter table public.charts enable row level security, force row level security;
create function public.keep_verified() returns trigger language plpgsql set search_path = '' as $$
begin
  if current_user = 'authenticated' then
    new.verified := case when tg_op = 'UPDATE' then old.verified else false end;
  end if;
  return new;
end $$;
revoke all on function public.keep_verified() from public;
create trigger keep_verified before insert on public.doctors for each row execute function public.keep_verified();
create policy d on public.doctors for all to authenticated using (id = (select auth.uid())) with check (id = (select auth.uid()));
create policy c on public.charts for select to authenticated using (patient = (select auth.uid()) or exists (select from public.doctors d where d.id = (select auth.uid()) and d.verified));
grant select, insert, update on public.doctors to authenticated; grant select on public.charts to authenticated;
