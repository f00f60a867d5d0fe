-- Purpose   Undo 004_export_lifecycle: drop its tables, functions, triggers and indexes.
-- Requires  005 and later rolled back; role migrator, as owner
-- Hazards   deletes data, only when app_data.allow_data_loss is on; blocks writes, and reads, of
--           export_history until the transaction ends
-- Loses     archived exports, and which objects are still to be deleted. Refuses while there are
--           any, unless the setting app_data.allow_data_loss is on.

-- One block, so that nothing can be written between the count and the drop.
do $$
declare
  losses text[] := '{}';
  rows_found bigint;
begin
  if to_regnamespace('monitoring') is not null then
    raise exception 'SQL004 004_export_lifecycle cannot be rolled back before 005_monitoring.'
      using errcode = 'dependent_objects_still_exist',
        hint = 'Run 005_monitoring_rollback.sql first.';
  end if;

  -- First, because a job locks export_history before the others, too; a refusal below undoes it.
  drop trigger if exists trigger_export_object_deletion on public.export_history;
  drop trigger if exists trigger_export_history_transition on public.export_history;
  drop policy if exists export_history_update_pending on public.export_history;

  -- Forced row level security shows the owner no rows: lifted for the count, it counts the truth.
  if to_regclass('public.export_archive') is not null then
    alter table public.export_archive no force row level security;
    select count(*) into rows_found from public.export_archive;
    alter table public.export_archive force row level security;
    if rows_found > 0 then
      losses := losses || format('public.export_archive: %s', rows_found);
    end if;
  end if;
  if to_regclass('public.export_object_deletions') is not null then
    alter table public.export_object_deletions no force row level security;
    select count(*) into rows_found from public.export_object_deletions;
    alter table public.export_object_deletions force row level security;
    if rows_found > 0 then
      losses := losses || format('public.export_object_deletions: %s', rows_found);
    end if;
  end if;
  if cardinality(losses) > 0
    and current_setting('app_data.allow_data_loss', true) is distinct from 'on'
  then
    raise exception 'SQL005 rolling back 004_export_lifecycle would lose rows (%).',
      array_to_string(losses, ', ')
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Export the rows and delete them, or accept the loss: set '
          'app_data.allow_data_loss to on and run the rollback again.';
  end if;

  drop function if exists public.queue_unnamed_export_objects(text, text[]);
  drop function if exists public.claim_export_object_deletions(integer);
  drop function if exists public.delete_archived_exports(interval, integer);
  drop function if exists public.archive_exports(interval, integer);
  drop function if exists public.expire_exports(integer);
  drop function if exists public.fail_stalled_exports(integer);
  drop function if exists public.queue_export_object_deletion();
  drop function if exists public.check_export_transition();
  drop index if exists public.idx_export_history_storage;
  drop index if exists public.idx_export_history_expires_at;
  -- Policies, indexes, grants and comments go with their table.
  drop table if exists public.export_object_deletions;
  drop table if exists public.export_archive;
end
$$;
