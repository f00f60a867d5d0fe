-- safe: announcements that the back office writes
-- rows: insert into public.announcements (title) values ('t')
-- as: authenticated a
-- query: select count(*) from public.announcements
-- returns: 1

create table public.announcements (id bigint generated always as identity primary key, title text not null, body text, published_at timestamptz not null default now());
alter table public.announcements enable row level security, force row level security;
create policy announcements_read on public.announcements for select to authenticated using (published_at <= now());
grant select on public.announcements to authenticated;
