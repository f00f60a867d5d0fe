-- unsafe: the function asks whether the caller manages any office
-- rows: insert into public.offices values ('11111111-1111-4111-8111-111111111111'), ('22222222-2222-4222-8222-222222222222'); insert into public.desks values ('11111111-1111-4111-8111-111111111111', :a, true), ('22222222-2222-4222-8222-222222222222', :b, true); insert into public.letters (office, body) values ('22222222-2222-4222-8222-222222222222', 'b')
-- as: authenticated a
-- query: select public.seat('22222222-2222-4222-8222-222222222222', :a, true); select count(*) from public.letters
-- returns: 1

create table public.offices (id uuid primary key default gen_random_uuid());
create table public.desks (office uuid not null references public.offices (id) on delete cascade, sitter uuid not null references public.users (id) on delete cascade, manages boolean not null default false, primary key (office, sitter));
create index on public.desks (sitter);
create table public.letters (id uuid primary key default gen_random_uuid(), office uuid not null references public.offices (id) on delete cascade, body text);
create index on public.letters (office);
alter table public.offices enable row level security, force row level security;
alter table public.desks enable row level security, force row level security;
alter table public.letters enable row level security, force row level security;
create policy m on public.desks for all to migrator using (true) with check (true);
create policy o on public.offices for select to authenticated using (id in (select d.office from public.desks d where d.sitter = (select auth.uid())));
create policy d on public.desks for select to authenticated using (sitter = (select auth.uid()));
create policy l on public.letters for select to authenticated using (office in (select d.office from public.desks d where d.sitter = (select auth.uid())));
grant select on public.offices, public.desks, public.letters to authenticated;
create function public.seat(at_office uuid, who uuid, as_manager boolean) returns void language plpgsql security definer set search_path = '' as $$
begin
  if not exists (select from public.desks d where d.sitter = auth.uid() and d.manages) then
    raise exception 'not yours to seat';
  end if;
  insert into public.desks (office, sitter, manages) values (at_office, who, as_manager)
  on conflict (office, sitter) do update set manages = excluded.manages;
end $$;
revoke all on function public.seat(uuid, uuid, boolean) from public; grant execute on function public.seat(uuid, uuid, boolean) to authenticated;
