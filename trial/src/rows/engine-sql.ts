/** The schema that the trial keeps its own objects in; nobody but the superuser has a right on it. */
export const TRIAL_SCHEMA = "app_data_trial";

/** Stands in the texts of others where they are marked. */
export const TEXT_MARK = " (of another world)";

/**
 * The server's half of the trial. Each attempt runs in a subtransaction that ends in an exception of
 * its own, which carries the outcome out and undoes everything, the role included.
 */
export const ENGINE_SQL = `
-- Compiling the query of the catalog takes longer than running it.
set jit = off;
create schema app_data_trial;
-- Whose world each row is; null for rows of the migrations themselves, and of tables that nobody owns. Of
-- these, "words" is what must stay as it is.
create table app_data_trial.pristine (
  relation oid not null, place tid not null, world integer, words text, primary key (relation, place)
);
-- Ids that stand in rows, by the world that they are of; those of users name them.
create table app_data_trial.key (id text primary key, world integer not null, of_user boolean not null);
-- How to tell what a row of a table refers to: an expression over t that gives JSON.
create table app_data_trial.watched (
  relation oid primary key, name text not null, shared boolean not null, refers text not null,
  words text not null, texts text[] not null
);

-- A function's name as findings write it, every type with its schema.
create function app_data_trial.signature(routine oid) returns text language sql set search_path = '' as $$
  select format('function %I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace where p.oid = routine
$$;

-- Inserts planned rows one by one, so that one that a constraint refuses costs no other.
create function app_data_trial.fill(rows jsonb) returns jsonb language plpgsql as $$
declare
  planned jsonb;
  at_relation oid;
  at_place tid;
  outcome jsonb := '[]';
begin
  set local session_replication_role = replica;
  for planned in select jsonb_array_elements(rows) loop
    begin
      at_place := null;
      execute (planned ->> 'insert') || ' on conflict do nothing returning tableoid, ctid'
        into at_relation, at_place;
      if at_place is not null then
        insert into app_data_trial.pristine values (at_relation, at_place, (planned ->> 'world')::integer);
      end if;
      outcome := outcome || to_jsonb(
        case when at_place is null then 'a row like it exists' else '' end);
    exception when others or assert_failure then
      outcome := outcome || to_jsonb(sqlerrm);
    end;
  end loop;
  set local session_replication_role = origin;
  return outcome;
end $$;

-- Which candidates, each a list of values for the columns of a group, satisfy the condition of their group;
-- one that raises does not.
create function app_data_trial.satisfying(groups jsonb) returns jsonb language plpgsql as $$
declare
  of_group jsonb;
  candidate text;
  holds boolean;
  verdicts jsonb;
  outcome jsonb := '[]';
begin
  for of_group in select jsonb_array_elements(groups) loop
    -- All at once where none raises, which is the common case.
    begin
      execute (
        select format('select jsonb_agg((%s) order by candidate_number) from (values %s) as candidate (%s, candidate_number)',
          of_group ->> 'condition', string_agg(format('(%s, %s)', c, n), ', '), of_group ->> 'columns')
        from jsonb_array_elements_text(of_group -> 'candidates') with ordinality e (c, n)
      ) into verdicts;
    exception when others or assert_failure then
      verdicts := '[]';
      for candidate in select jsonb_array_elements_text(of_group -> 'candidates') loop
        begin
          execute format('select (%s) from (values (%s)) as candidate (%s)',
            of_group ->> 'condition', candidate, of_group ->> 'columns') into holds;
        exception when others or assert_failure then
          holds := false;
        end;
        verdicts := verdicts || to_jsonb(holds);
      end loop;
    end;
    outcome := outcome || jsonb_build_array(verdicts);
  end loop;
  return outcome;
end $$;

-- Remembers the rows that were there before, by what they refer to, and makes for each table the function changed_OID, which says what
-- has become of its rows: a function of its own, because its plan is made once, and it is called often.
create function app_data_trial.remember() returns void language plpgsql as $$
declare
  source record;
begin
  for source in select * from app_data_trial.watched loop
    execute format(
      'insert into app_data_trial.pristine select %1$s, t.ctid, null from only %2$s t on conflict do nothing',
      source.relation, source.name);
    execute format(
      'update app_data_trial.pristine p set words = %3$s from only %2$s t
       where p.relation = %1$s and p.place = t.ctid and p.world is null',
      source.relation, source.name, source.words);
    execute format(
      'create function app_data_trial.changed_%1$s(attacker integer) returns jsonb language plpgsql as $f$
       #variable_conflict use_column
       declare
         outcome jsonb;
       begin
         select jsonb_build_object(
           ''others'', count(*) filter (where world is distinct from attacker and world is not null),
           ''own'', count(*) filter (where world = attacker),
           ''rewritten'', count(*) filter (where world is null
             and not exists (select from only %2$s t where %4$s = p.words)))
           into outcome
         from app_data_trial.pristine p
         where p.relation = %1$s and not exists (select from only %2$s t where t.ctid = p.place);
         return outcome || jsonb_build_object(''added'', (
           select jsonb_agg(jsonb_build_object(
             ''relation'', %1$s, ''place'', t.ctid::text, ''refers'', %3$s))
           from only %2$s t
           where not exists (select from app_data_trial.pristine p
                             where p.relation = %1$s and p.place = t.ctid)));
       end $f$', source.relation, source.name, source.refers, source.words);
  end loop;
  -- Rows of a seed file are of the world that they refer to, or their parents do.
  for source in select w.* from app_data_trial.watched w, generate_series(1, 3) where not w.shared loop
    execute format(
      'update app_data_trial.pristine p set world = (
         select (r ->> ''world'')::integer from jsonb_array_elements(%3$s) r limit 1)
       from only %2$s t where p.relation = %1$s and p.place = t.ctid and p.world is null',
      source.relation, source.name, source.refers);
  end loop;
  analyze app_data_trial.pristine;
end $$;

-- Of the rows at these places, [[relation, place], …], how many are of a world, and of which others.
create function app_data_trial.seen(places jsonb, relations oid[], attacker integer) returns jsonb
language sql as $$
  select jsonb_build_object(
    'own', count(*) filter (where p.world = attacker),
    'foreign', count(*) filter (where p.world is distinct from attacker and p.world is not null),
    'nobodys', count(*) filter (where p.world is null),
    'worlds', coalesce(jsonb_agg(distinct p.world) filter (
      where p.world is distinct from attacker and p.world is not null), '[]'),
    'rows', coalesce(jsonb_agg(p.relation || ' ' || p.place) filter (
      where p.world is distinct from attacker and p.world is not null), '[]'))
  from app_data_trial.pristine p
  join jsonb_array_elements(places) seen (at)
    on p.relation = (seen.at ->> 0)::oid and p.place = (seen.at ->> 1)::tid
  where p.relation = any (relations)
$$;

-- What has become of the rows of these tables: rows of other worlds and of one's own that are gone or
-- changed, rows of nobody's whose words are others, and added rows with what they refer to.
create function app_data_trial.changed(relations oid[], attacker integer) returns jsonb
language plpgsql as $$
declare
  watched oid;
  of_table jsonb;
  total bigint[] := '{0,0,0}';
  added jsonb := '[]';
begin
  for watched in select w.relation from app_data_trial.watched w where w.relation = any (relations) loop
    execute format('select app_data_trial.changed_%s($1)', watched) into of_table using attacker;
    total := array[total[1] + (of_table ->> 'others')::bigint, total[2] + (of_table ->> 'own')::bigint,
      total[3] + (of_table ->> 'rewritten')::bigint];
    if jsonb_typeof(of_table -> 'added') = 'array' then
      added := added || (of_table -> 'added');
    end if;
  end loop;
  return jsonb_build_object(
    'others', total[1], 'own', total[2], 'rewritten', total[3], 'added', added);
end $$;

-- Deletes the rows of all other worlds, as if they had never been.
create function app_data_trial.hide(attacker integer) returns void language plpgsql as $$
declare
  source record;
begin
  for source in select * from app_data_trial.watched w where not w.shared loop
    execute format(
      'delete from only %s t using app_data_trial.pristine p
       where p.relation = %L and p.place = t.ctid and p.world <> coalesce($1, -1)',
      source.name, source.relation) using attacker;
  end loop;
end $$;

-- Marks the texts of all other worlds, so that where they turn up they are known.
create function app_data_trial.mark(attacker integer) returns void language plpgsql as $$
declare
  source record;
begin
  for source in select * from app_data_trial.watched w where w.texts <> '{}' loop
    begin
      execute format(
        'update only %s t set %s from app_data_trial.pristine p
         where p.relation = %s and p.place = t.ctid and p.world <> $1', source.name,
        (select string_agg(format('%1$s = %1$s || %2$L', c, '${TEXT_MARK}'), ', ')
         from unnest(source.texts) c), source.relation) using attacker;
      -- One's own rows come last where nothing orders them.
      execute format(
        'update only %1$s t set %2$s = %2$s from app_data_trial.pristine p
         where p.relation = %3$s and p.place = t.ctid and p.world = $1', source.name, source.texts[1],
        source.relation) using attacker;
    exception when others or assert_failure then
      null;
    end;
  end loop;
end $$;

-- Fills materialized views. Returns those that cannot be, and why.
create function app_data_trial.refresh() returns jsonb language plpgsql as $$
declare
  view text;
  outcome jsonb := '[]';
begin
  for view in
    select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'm' order by c.oid
  loop
    begin
      execute format('refresh materialized view %s', view);
    exception when others or assert_failure or query_canceled then
      outcome := outcome || jsonb_build_object('view', view, 'reason', sqlerrm);
    end;
  end loop;
  return outcome;
end $$;

-- Takes rows out of the way as if they had never been: those of one world, or all where that is null.
create function app_data_trial.clear(source regclass, of_world integer) returns void language plpgsql as $$
begin
  execute format(
    'delete from %s t using app_data_trial.pristine p
     where p.relation = t.tableoid and p.place = t.ctid and ($1 is null or p.world = $1)', source)
    using of_world;
  delete from app_data_trial.pristine p
  where (of_world is null or p.world = of_world)
    and (p.relation = source or p.relation in (select inhrelid from pg_inherits where inhparent = source));
end $$;

-- Leaves one row of a world in a table, and none of any other.
create function app_data_trial.leave(source regclass, relations oid[], of_world integer, nth integer)
returns void language plpgsql as $$
declare
  kept app_data_trial.pristine;
begin
  select p.* into kept from app_data_trial.pristine p
  where p.relation = any (relations) and p.world = of_world
  order by p.relation, p.place limit 1 offset nth;
  execute format('delete from %s where (tableoid, ctid) is distinct from ($1, $2)', source)
    using kept.relation, kept.place;
  delete from app_data_trial.pristine p
  where p.relation = any (relations)
    and (p.relation, p.place) is distinct from (kept.relation, kept.place);
end $$;

-- Takes on an identity.
create function app_data_trial.become(job jsonb) returns void language plpgsql as $$
declare
  setting record;
begin
  execute format('set local session authorization %I', job ->> 'login');
  if job ->> 'role' <> job ->> 'login' then
    execute format('set local role %I', job ->> 'role');
  end if;
  for setting in select * from jsonb_each_text(coalesce(job -> 'settings', '{}')) loop
    perform set_config(setting.key, setting.value, true);
  end loop;
end $$;

-- The rows that each of several identities sees by a query, [[relation, place], …].
create function app_data_trial.views(job jsonb) returns jsonb language plpgsql as $$
declare
  viewer jsonb;
  rows jsonb;
  outcome jsonb := '[]';
begin
  for viewer in select jsonb_array_elements(job -> 'viewers') loop
    begin
      if viewer ->> 'before' <> '' then
        execute viewer ->> 'before';
      end if;
      perform app_data_trial.become(viewer);
      execute viewer ->> 'read' into rows;
    exception when others or assert_failure then
      rows := null;
    end;
    reset session authorization;
    outcome := outcome || jsonb_build_array(coalesce(rows, '[]'));
  end loop;
  return outcome;
end $$;

-- One attempt, undone at its end. A job has the role, its settings, and lists of statements: "before",
-- by the superuser, "prelude" and "statements", by the attacker; "read" gives JSON; "measure", by the
-- superuser, judges: $1 is what was read. Where rows were added that refer to another world than "world",
-- "viewers" look at them.
create function app_data_trial.attempt(job jsonb) returns jsonb language plpgsql as $$
declare
  line text;
  affected bigint := 0;
  outcome jsonb;
  outcomes jsonb := '[]';
  measured jsonb;
  at_constraint text;
  at_table text;
begin
  if jsonb_array_length(coalesce(job -> 'before', '[]')) > 0 then
    set local session_replication_role = replica;
    for line in select jsonb_array_elements_text(job -> 'before') loop
      execute line;
    end loop;
    set local session_replication_role = origin;
  end if;
  perform app_data_trial.become(job);
  for line in select jsonb_array_elements_text(coalesce(job -> 'prelude', '[]')) loop
    execute line;
  end loop;
  for line in select jsonb_array_elements_text(coalesce(job -> 'statements', '[]')) loop
    execute line;
    get diagnostics affected = row_count;
  end loop;
  for line in select jsonb_array_elements_text(coalesce(job -> 'reads', '[]')) loop
    begin
      execute line into outcome;
      outcomes := outcomes || jsonb_build_array(jsonb_build_object('rows', coalesce(outcome, '[]')));
    exception when others or assert_failure then
      outcomes := outcomes || jsonb_build_array(jsonb_build_object('error', sqlstate, 'message', sqlerrm));
    end;
  end loop;
  if job ? 'read' then
    execute job ->> 'read' into outcome;
  end if;
  reset session authorization;
  if job ? 'measure' and (affected > 0 or job ? 'read' or job ? 'always') then
    execute job ->> 'measure' into measured using coalesce(outcome, '[]');
    if job ? 'viewers' and jsonb_path_exists(measured, '$.added[*].refers[*] ? (@.world != $own)',
      jsonb_build_object('own', job -> 'world')) then
      measured := measured || jsonb_build_object('views', app_data_trial.views(job));
    end if;
  end if;
  raise exception using errcode = 'TR001', message =
    jsonb_build_object('affected', affected, 'reads', outcomes, 'measured', measured)::text;
exception
  when sqlstate 'TR001' then
    return sqlerrm::jsonb;
  when others or assert_failure or query_canceled then
    get stacked diagnostics at_constraint = constraint_name, at_table = table_name;
    return jsonb_build_object(
      'error', sqlstate, 'message', sqlerrm, 'constraint', at_constraint, 'table', at_table);
end $$;

-- Runs jobs one after the other, but none after one that took too long, since the server watches over the
-- time of a message only once. Of a job's variants the first that no constraint stops counts; where they go
-- row by row, the first that no policy stops.
create function app_data_trial.attempts(jobs jsonb) returns jsonb language plpgsql as $$
declare
  job jsonb;
  variant jsonb;
  outcome jsonb;
  outcomes jsonb[] := '{}';
begin
  for job in select jsonb_array_elements(jobs) loop
    outcome := null;
    for variant in select jsonb_array_elements(job -> 'variants') loop
      outcome := app_data_trial.attempt(job || variant);
      exit when not (outcome ? 'error')
        or outcome ->> 'error' not like '23%' and not (job ? 'rowByRow' and outcome ->> 'error' = '42501');
    end loop;
    outcomes := outcomes || outcome;
    exit when outcome ->> 'error' = '57014';
  end loop;
  return to_jsonb(outcomes);
end $$;
revoke all on schema app_data_trial from public;
`;
