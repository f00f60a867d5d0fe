-- Purpose   Undo 001_add_missing_tables: drop its three tables, functions, trigger and policies.
-- Requires  002 and later rolled back; role migrator, as owner
-- Hazards   deletes data, only when app_data.allow_data_loss is on; blocks writes, and reads, of
--           users and sessions until the transaction ends
-- Loses     API keys, exports, preferences and achievements. Refuses while there are any, unless
--           the setting app_data.allow_data_loss is on. The counters of user_progress come back
--           with 001, at a user's next completion: they are a function of sessions.
-- rebuilt: public.user_progress

-- One block, so that nothing can be written between the count and the drop.
do $$
declare
  losses text[] := '{}';
  rows_found bigint;
begin
  -- What 001 put on the tables of 000. First, because an application locks sessions before
  -- user_progress, too; a refusal below undoes it.
  drop trigger if exists trigger_update_user_progress_from_session on public.sessions;
  drop policy if exists sessions_migrator on public.sessions;
  drop policy if exists users_migrator on public.users;

  -- Forced row level security shows the owner no rows: lifted for the count, it counts the truth.
  if to_regclass('public.user_api_keys') is not null then
    alter table public.user_api_keys no force row level security;
    select count(*) into rows_found from public.user_api_keys;
    alter table public.user_api_keys force row level security;
    if rows_found > 0 then
      losses := losses || format('public.user_api_keys: %s', rows_found);
    end if;
  end if;
  if to_regclass('public.user_progress') is not null then
    alter table public.user_progress no force row level security;
    select count(*) into rows_found
    from public.user_progress p
    where p.preferences <> '{}' or p.achievements <> '{}';
    alter table public.user_progress force row level security;
    if rows_found > 0 then
      losses := losses
        || format('public.user_progress with preferences or achievements: %s', rows_found);
    end if;
  end if;
  if to_regclass('public.export_history') is not null then
    alter table public.export_history no force row level security;
    select count(*) into rows_found from public.export_history;
    alter table public.export_history force row level security;
    if rows_found > 0 then
      losses := losses || format('public.export_history: %s', rows_found);
    end if;
  end if;
  if cardinality(losses) > 0
    and current_setting('app_data.allow_data_loss', true) is distinct from 'on'
  then
    raise exception 'SQL005 rolling back 001_add_missing_tables would lose rows (%).',
      array_to_string(losses, ', ')
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Export the rows and delete them, or accept the loss: set '
          'app_data.allow_data_loss to on and run the rollback again.';
  end if;

  -- Policies, triggers, indexes, grants and comments go with their table.
  drop table if exists public.export_history;
  drop table if exists public.user_progress;
  drop table if exists public.user_api_keys;

  drop function if exists public.update_user_progress_from_session();
  drop function if exists public.update_export_history_updated_at();
  drop function if exists public.update_user_progress_updated_at();
  drop function if exists public.update_user_api_keys_updated_at();
end
$$;
