-- unsafe: an invitation is accepted by its id, which stands in addresses
-- rows: insert into public.clubs values ('11111111-1111-4111-8111-111111111111')
-- rows: ; insert into public.club_members values ('11111111-1111-4111-8111-111111111111', :b, true)
-- rows: ; insert into public.club_invitations (id, club_id, token) values ('33333333-3333-4333-8333-333333333333', '11111111-1111-4111-8111-111111111111', 'secret')
-- rows: ; insert into public.club_news (club_id, body) values ('11111111-1111-4111-8111-111111111111', 'of b')
-- as: authenticated a
-- query: select public.accept_club_invitation('33333333-3333-4333-8333-333333333333'); select count(*) from public.club_news
-- returns: 1

create table public.clubs (id uuid primary key default gen_random_uuid());
create table public.club_members (
  club_id uuid not null references public.clubs (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  is_admin boolean not null default false,
  primary key (club_id, user_id)
);
create index on public.club_members (user_id);
create table public.club_invitations (
  id uuid primary key default gen_random_uuid(),
  club_id uuid not null references public.clubs (id) on delete cascade,
  token text not null unique default encode(sha256(gen_random_uuid()::text::bytea), 'hex')
);
create index on public.club_invitations (club_id);
create table public.club_news (
  id uuid primary key default gen_random_uuid(),
  club_id uuid not null references public.clubs (id) on delete cascade,
  body text not null
);
create index on public.club_news (club_id);
alter table public.clubs enable row level security, force row level security;
alter table public.club_members enable row level security, force row level security;
alter table public.club_invitations enable row level security, force row level security;
alter table public.club_news enable row level security, force row level security;
create policy club_members_migrator on public.club_members for all to migrator using (true) with check (true);
create policy club_invitations_migrator on public.club_invitations for all to migrator using (true) with check (true);
create function public.is_club_admin(club uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (
    select from public.club_members m
    where m.club_id = club and m.user_id = auth.uid() and m.is_admin
  )
$$;
revoke all on function public.is_club_admin(uuid) from public;
grant execute on function public.is_club_admin(uuid) to authenticated;
create policy members_own on public.club_members for select to authenticated
  using (user_id = (select auth.uid()));
create policy clubs_mine on public.clubs for select to authenticated
  using (exists (
    select from public.club_members m where m.club_id = clubs.id and m.user_id = (select auth.uid())
  ));
create policy invitations_admin on public.club_invitations for all to authenticated
  using (public.is_club_admin(club_id)) with check (public.is_club_admin(club_id));
create policy news_members on public.club_news for select to authenticated
  using (exists (
    select from public.club_members m
    where m.club_id = club_news.club_id and m.user_id = (select auth.uid())
  ));
grant select on public.clubs, public.club_members, public.club_news to authenticated;
grant select, insert (club_id), delete on public.club_invitations to authenticated;
create function public.accept_club_invitation(given uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  club uuid;
begin
  delete from public.club_invitations i where i.id = given returning i.club_id into club;
  if club is not null then
    insert into public.club_members (club_id, user_id) values (club, auth.uid())
    on conflict do nothing;
  end if;
end
$$;
revoke all on function public.accept_club_invitation(uuid) from public;
grant execute on function public.accept_club_invitation(uuid) to authenticated;
