/** The schema that the trial keeps its own objects in; nobody but the superuser has a right on it. */
export const TRIAL_SCHEMA = "app_data_trial";

/**
 * The server's half of the trial. Each attempt runs in a subtransaction that ends in an exception of
 * its own, which carries the outcome out and undoes everything, the role included.
 */
export const ENGINE_SQL = `
create schema app_data_trial;
create table app_data_trial.owned (relation oid primary key, name text not null, owners text not null);
create table app_data_trial.pristine (
  relation oid not null, place tid not null, owners text[] not null, primary key (relation, place)
);

-- Inserts planned rows one by one, so that one that a constraint refuses costs no other.
create function app_data_trial.fill(statements jsonb) returns jsonb language plpgsql as $$
declare
  line text;
  inserted bigint;
  outcome jsonb := '[]';
begin
  set local session_replication_role = replica;
  for line in select jsonb_array_elements_text(statements) loop
    begin
      execute line;
      get diagnostics inserted = row_count;
      outcome := outcome || to_jsonb(case when inserted > 0 then '' else 'a row like it exists' end);
    exception when others then
      outcome := outcome || to_jsonb(sqlerrm);
    end;
  end loop;
  set local session_replication_role = origin;
  return outcome;
end $$;

-- Which of the candidates, each a list of values for the columns, satisfy a condition; one that
-- raises does not.
create function app_data_trial.satisfying(candidates jsonb, columns text, condition text)
returns jsonb language plpgsql as $$
declare
  candidate text;
  holds boolean;
  outcome jsonb := '[]';
begin
  -- All at once where none raises, which is the common case.
  begin
    execute (
      select format('select jsonb_agg((%s) order by candidate_number) from (values %s) as candidate (%s, candidate_number)',
        condition, string_agg(format('(%s, %s)', c, n), ', '), columns)
      from jsonb_array_elements_text(candidates) with ordinality e (c, n)
    ) into outcome;
    return outcome;
  exception when others then
    outcome := '[]';
  end;
  for candidate in select jsonb_array_elements_text(candidates) loop
    begin
      execute format('select (%s) from (values (%s)) as candidate (%s)', condition, candidate, columns)
        into holds;
    exception when others then
      holds := false;
    end;
    outcome := outcome || to_jsonb(holds);
  end loop;
  return outcome;
end $$;

-- Remembers whose each row is, and makes for each table the function changed_OID, which says what has
-- become of its rows: a function of its own, because its plan is made once, and it is called often.
create function app_data_trial.remember() returns void language plpgsql as $$
declare
  source record;
begin
  for source in select * from app_data_trial.owned loop
    execute format(
      'insert into app_data_trial.pristine
       select %L::oid, t.ctid, coalesce((select array_agg(o) from unnest(%s) o where o is not null), ''{}'')
       from only %s t', source.relation, source.owners, source.name);
    execute format(
      'create function app_data_trial.changed_%1$s(who text) returns bigint[] language plpgsql as $f$
       #variable_conflict use_variable
       declare
         others bigint; own bigint; given bigint;
       begin
         select count(*) filter (where not coalesce(p.owners @> array[who], false)),
                count(*) filter (where p.owners @> array[who])
           into others, own
         from app_data_trial.pristine p
         where p.relation = %1$s and not exists (select from only %2$s t where t.ctid = p.place);
         select count(*) into given
         from (select array(select o from unnest(%3$s) o where o is not null) as owners
               from only %2$s t
               where not exists (select from app_data_trial.pristine p
                                 where p.relation = %1$s and p.place = t.ctid)) n
         where cardinality(n.owners) > 0 and not coalesce(n.owners @> array[who], false);
         return array[others, own, given];
       end $f$', source.relation, source.name, source.owners);
  end loop;
  analyze app_data_trial.pristine;
end $$;

-- Of the rows at these places, [[relation, place], …], how many are and are not of this user.
create function app_data_trial.seen(places jsonb, relations oid[], who text) returns jsonb
language plpgsql as $$
begin
  return (
    select jsonb_build_object(
      'own', count(*) filter (where p.owners @> array[who]),
      'foreign', count(*) filter (where not coalesce(p.owners @> array[who], false)),
      'owners', coalesce(
        jsonb_agg(distinct to_jsonb(p.owners)) filter (where not coalesce(p.owners @> array[who], false)),
        '[]'))
    from app_data_trial.pristine p
    where p.relation = any (relations)
      and places @> jsonb_build_array(jsonb_build_array(p.relation::bigint, p.place::text)));
end $$;

-- What has become of the rows of these tables: rows of others and own rows that are gone or changed, and
-- new rows of others.
create function app_data_trial.changed(relations oid[], who text) returns jsonb language plpgsql as $$
declare
  relation oid;
  counts bigint[];
  total bigint[] := '{0,0,0}';
begin
  for relation in select o.relation from app_data_trial.owned o where o.relation = any (relations) loop
    execute format('select app_data_trial.changed_%s($1)', relation) into counts using who;
    total := array[total[1] + counts[1], total[2] + counts[2], total[3] + counts[3]];
  end loop;
  return jsonb_build_object('others', total[1], 'own', total[2], 'given', total[3]);
end $$;

-- Deletes the rows that are not of this user, as if they had never been.
create function app_data_trial.hide(who text) returns void language plpgsql as $$
declare
  source record;
begin
  for source in select * from app_data_trial.owned loop
    execute format(
      'delete from only %s t using app_data_trial.pristine p
       where p.relation = %L and p.place = t.ctid and not coalesce(p.owners @> array[$1], false)',
      source.name, source.relation) using who;
  end loop;
end $$;

-- One attempt, undone at its end. A job has the role, its settings, and lists of statements: "before",
-- by the superuser, "prelude" and "statements", by the attacker; "read" gives JSON; "measure", by the
-- superuser, judges: $1 is what was read.
create function app_data_trial.attempt(job jsonb) returns jsonb language plpgsql as $$
declare
  line text;
  setting record;
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
  set local session authorization app;
  if job ->> 'role' <> 'app' then
    execute format('set local role %I', job ->> 'role');
  end if;
  for setting in select * from jsonb_each_text(coalesce(job -> 'settings', '{}')) loop
    perform set_config(setting.key, setting.value, true);
  end loop;
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
    exception when others then
      outcomes := outcomes || jsonb_build_array(jsonb_build_object('error', sqlstate));
    end;
  end loop;
  if job ? 'read' then
    execute job ->> 'read' into outcome;
  end if;
  reset session authorization;
  if job ? 'measure' and (affected > 0 or job ? 'read' or job ? 'always') then
    execute job ->> 'measure' into measured using coalesce(outcome, '[]');
  end if;
  raise exception using errcode = 'TR001', message =
    jsonb_build_object('affected', affected, 'reads', outcomes, 'measured', measured)::text;
exception
  when sqlstate 'TR001' then
    return sqlerrm::jsonb;
  when others then
    get stacked diagnostics at_constraint = constraint_name, at_table = table_name;
    return jsonb_build_object(
      'error', sqlstate, 'message', sqlerrm, 'constraint', at_constraint, 'table', at_table);
end $$;

-- Runs jobs one after the other; of a job's variants the first that no constraint stops counts.
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
      exit when not (outcome ? 'error') or outcome ->> 'error' not like '23%';
    end loop;
    outcomes := outcomes || outcome;
  end loop;
  return to_jsonb(outcomes);
end $$;
revoke all on schema app_data_trial from public;
`;
