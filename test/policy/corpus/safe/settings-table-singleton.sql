-- safe: settings of the application, read by signed-in users, written by jobs
-- rows: insert into public.app_settings values (true, 'x', 5)
-- as: authenticated a
-- query: select max_uploads from public.app_settings
-- returns: 5

create table public.app_settings (
  only_row boolean primary key default true check (only_row),
  motd text not null default '',
  max_uploads integer not null default 10
);
alter table public.app_settings enable row level security, force row level security;
create policy app_settings_read on public.app_settings for select to authenticated using (true);
create policy app_settings_write on public.app_settings for update to service_role using (true) with check (true);
create policy app_settings_jobs on public.app_settings for select to service_role using (true);
grant select on public.app_settings to authenticated, service_role;
grant update (motd, max_uploads) on public.app_settings to service_role;
