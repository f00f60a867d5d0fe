-- Purpose   Undo 002_backfill_user_progress: nothing has to be undone. The counters stay, since the
--           next completion of each user would write the same ones.
-- Requires  003 and later rolled back; role migrator
-- Hazards   none
-- Loses     nothing

do $$
begin
  if to_regclass('public.progress_trends') is not null then
    raise exception
      'SQL004 002_backfill_user_progress cannot be rolled back before 003_progress_analytics.'
      using errcode = 'dependent_objects_still_exist',
        hint = 'Run 003_progress_analytics_rollback.sql first.';
  end if;
end
$$;
