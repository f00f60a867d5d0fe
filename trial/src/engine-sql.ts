/** The schema that the trial keeps its own objects in; nobody but the superuser has a right on it. */
export const TRIAL_SCHEMA = "app_data_trial";

/**
 * The server's half of the trial. Each attempt runs in a subtransaction that ends in an exception of
 * its own, which carries the outcome out and undoes everything, the role included.
 */
export const ENGINE_SQL = `
-- Compiling the query of the catalog takes longer than running it.
set jit = off;
create schema app_data_trial;
-- Hosts are the owners that are no guests of the row.
create table app_data_trial.owned (
  relation oid primary key, name text not null, owners text not null, hosts text not null
);
create table app_data_trial.pristine (
  relation oid not null, place tid not null, owners text[] not null, hosts text[] not null,
  primary key (relation, place)
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

-- Remembers whose each row is, and makes for each table the function changed_OID, which says what has
-- become of its rows: a function of its own, because its plan is made once, and it is called often.
create function app_data_trial.remember() returns void language plpgsql as $$
declare
  source record;
begin
  for source in select * from app_data_trial.owned loop
    execute format(
      'insert into app_data_trial.pristine
       select %1$L::oid, t.ctid, array(select o from unnest(%2$s) o where o is not null),
         array(select o from unnest(%3$s) o where o is not null)
       from only %4$s t', source.relation, source.owners, source.hosts, source.name);
    execute format(
      'create function app_data_trial.changed_%1$s(who text, strictly boolean) returns bigint[] language plpgsql as $f$
       #variable_conflict use_variable
       declare
         others bigint; own bigint; given bigint;
       begin
         select count(*) filter (where not coalesce(p.those @> array[who], false)),
                count(*) filter (where p.those @> array[who])
           into others, own
         from (select *, case when strictly then hosts else owners end as those
               from app_data_trial.pristine) p
         where p.relation = %1$s and not exists (select from only %2$s t where t.ctid = p.place);
         select count(*) into given
         from (select array(select o from unnest(%3$s) o where o is not null) as owners
               from only %2$s t
               where not exists (select from app_data_trial.pristine p
                                 where p.relation = %1$s and p.place = t.ctid)) n
         where cardinality(n.owners) > 0 and not coalesce(n.owners @> array[who], false);
         return array[others, own, given];
       end $f$', source.relation, source.name,
      case source.owners when source.hosts then source.owners
        else format('case when strictly then %s else %s end', source.hosts, source.owners) end);
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
-- new rows of others. Strictly, a guest's rows are another's.
create function app_data_trial.changed(relations oid[], who text, strictly boolean) returns jsonb
language plpgsql as $$
declare
  relation oid;
  counts bigint[];
  total bigint[] := '{0,0,0}';
begin
  for relation in select o.relation from app_data_trial.owned o where o.relation = any (relations) loop
    execute format('select app_data_trial.changed_%s($1, $2)', relation) into counts using who, strictly;
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

-- Takes rows out of the way as if they had never been: those of one user, or all where that is null.
create function app_data_trial.clear(source regclass, who text) returns void language plpgsql as $$
begin
  if who is null then
    delete from app_data_trial.pristine p where p.relation = source;
    execute format('delete from %s', source);
  else
    execute format(
      'delete from %s t using app_data_trial.pristine p
       where p.relation = t.tableoid and p.place = t.ctid and p.owners @> array[$1]', source) using who;
    delete from app_data_trial.pristine p
    where p.owners @> array[who]
      and (p.relation = source or p.relation in (select inhrelid from pg_inherits where inhparent = source));
  end if;
end $$;

-- Leaves one row of a user in a table, and none of anybody else.
create function app_data_trial.leave(source regclass, relations oid[], who text, place integer)
returns void language plpgsql as $$
declare
  kept app_data_trial.pristine;
begin
  select p.* into kept from app_data_trial.pristine p
  where p.relation = any (relations) and p.owners @> array[who]
  order by p.relation, p.place limit 1 offset leave.place;
  execute format('delete from %s where (tableoid, ctid) is distinct from ($1, $2)', source)
    using kept.relation, kept.place;
  delete from app_data_trial.pristine p
  where p.relation = any (relations)
    and (p.relation, p.place) is distinct from (kept.relation, kept.place);
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
    exception when others or assert_failure then
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
