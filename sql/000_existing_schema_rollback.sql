-- Purpose   Undo 000_existing_schema: drop the tables, the function and the schema that it made.
-- Requires  001 and later rolled back; role migrator, as owner
-- Hazards   deletes data, only when app_data.allow_data_loss is on; changes access
-- Loses     every user and every session. Refuses while there are any, unless the setting
--           app_data.allow_data_loss is on. What the mark 'Made by 000_existing_schema.' at the end
--           of its comment does not show to be made by 000 stays. PUBLIC's rights on schema public
--           are not given back.

-- One block, so that nothing can be written between the count and the drop.
do $$
declare
  mark constant text := '%Made by 000_existing_schema.';
  owns_users constant boolean := coalesce(
    obj_description(to_regclass('public.users'), 'pg_class') like mark, false);
  owns_sessions constant boolean := coalesce(
    obj_description(to_regclass('public.sessions'), 'pg_class') like mark, false);
  losses text[] := '{}';
  rows_found bigint;
begin
  if to_regclass('public.user_progress') is not null then
    raise exception
      'SQL004 000_existing_schema cannot be rolled back before 001_add_missing_tables.'
      using errcode = 'dependent_objects_still_exist',
        hint = 'Run 001_add_missing_tables_rollback.sql first.';
  end if;

  -- Forced row level security shows the owner no rows: lifted for the count, it counts the truth.
  if owns_sessions then
    alter table public.sessions no force row level security;
    select count(*) into rows_found from public.sessions;
    alter table public.sessions force row level security;
    if rows_found > 0 then
      losses := losses || format('public.sessions: %s', rows_found);
    end if;
  end if;
  if owns_users then
    alter table public.users no force row level security;
    select count(*) into rows_found from public.users;
    alter table public.users force row level security;
    if rows_found > 0 then
      losses := losses || format('public.users: %s', rows_found);
    end if;
  end if;
  if cardinality(losses) > 0
    and current_setting('app_data.allow_data_loss', true) is distinct from 'on'
  then
    raise exception 'SQL005 rolling back 000_existing_schema would lose rows (%).',
      array_to_string(losses, ', ')
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Export the rows and delete them, or accept the loss: set '
          'app_data.allow_data_loss to on and run the rollback again.';
  end if;

  if owns_sessions then
    drop table public.sessions;
  end if;
  if owns_users then
    drop table public.users;
    revoke usage on schema public from authenticated, service_role;
  end if;
  if obj_description(to_regprocedure('auth.uid()'), 'pg_proc') like mark then
    drop function auth.uid();
  end if;
  if obj_description(to_regnamespace('auth'), 'pg_namespace') like mark then
    drop schema auth;
  end if;
end
$$;
