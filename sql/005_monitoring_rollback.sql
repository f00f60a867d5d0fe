-- Purpose   Undo 005_monitoring: drop its schema and all that it made there.
-- Requires  role migrator, as owner
-- Hazards   changes access
-- Loses     nothing: all of it is read from what the server counts

drop function if exists monitoring.report();
drop view if exists monitoring.notes;
drop view if exists monitoring.transaction_ids;
drop view if exists monitoring.triggers;
drop view if exists monitoring.indexes;
drop view if exists monitoring.tables;
drop view if exists monitoring.tables_without_row_security;
drop view if exists monitoring.changed_protection;
drop view if exists monitoring.waiting_locks;
drop view if exists monitoring.statements;
drop function if exists monitoring.read_changes();
drop function if exists monitoring.read_waits();
drop function if exists monitoring.read_statements();
drop schema if exists monitoring;
