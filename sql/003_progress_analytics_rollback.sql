-- Purpose   Undo 003_progress_analytics: drop its views, reports and functions.
-- Requires  004 and later rolled back; role migrator, as owner
-- Hazards   changes access
-- Loses     nothing: all of it is computed from sessions, and comes back with 003

do $$
begin
  if to_regclass('public.export_archive') is not null then
    raise exception
      'SQL004 003_progress_analytics cannot be rolled back before 004_export_lifecycle.'
      using errcode = 'dependent_objects_still_exist',
        hint = 'Run 004_export_lifecycle_rollback.sql first.';
  end if;
end
$$;

drop function if exists public.refresh_progress_analytics();
drop materialized view if exists public.vocabulary_growth;
drop materialized view if exists public.retention_by_cohort;
drop materialized view if exists public.activity_by_week;
drop materialized view if exists public.activity_by_day;
drop view if exists public.progress_trends;
drop function if exists public.smallest_reported_group();
