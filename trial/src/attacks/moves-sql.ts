import { TEXT_MARK } from "../rows/engine-sql";

/**
 * What the moves of an attacker need of the server. Each state, what was given and the moves after it, is a
 * subtransaction in which all powers are measured, and from which further moves are tried.
 */
export const MOVES_SQL = `
-- Runs a statement as the attacker; afterwards the superuser goes on. Returns the rows that it affected.
create function app_data_trial.act(
  job jsonb, statement text, reads boolean default false, out affected bigint, out answer jsonb)
language plpgsql as $$
begin
  execute format('set local session authorization %I', job ->> 'login');
  execute format('set local role %I', job ->> 'role');
  if reads then
    execute statement into answer;
  else
    execute statement;
  end if;
  get diagnostics affected = row_count;
  reset session authorization;
end $$;

-- Rows of tables that the session has written so far, undone ones among them: what tells whether a call
-- changed any.
create function app_data_trial.written(tables oid[]) returns bigint language sql as $$
  select sum(pg_stat_get_xact_tuples_inserted(t) + pg_stat_get_xact_tuples_updated(t)
    + pg_stat_get_xact_tuples_deleted(t))::bigint from unnest(tables) t
$$;

-- Remembers the rows of a table as they are now; those that are new are of this world.
create function app_data_trial.settle(source regclass, of_world integer) returns void
language plpgsql as $$
begin
  execute format(
    'delete from app_data_trial.pristine p
     where (p.relation = %1$s or p.relation in (select inhrelid from pg_inherits where inhparent = %1$s))
       and not exists (select from %2$s t where t.tableoid = p.relation and t.ctid = p.place);
     insert into app_data_trial.pristine (relation, place, world)
     select t.tableoid, t.ctid, %3$s from %2$s t on conflict do nothing', source::oid, source, of_world);
end $$;

-- The numbers of the probes that these moves may change, null for all.
create function app_data_trial.reached(job jsonb, path integer[]) returns integer[]
language sql as $$
  select case when not bool_or(reach = 'null') then array(
    select distinct n::integer
    from unnest(path) m, jsonb_array_elements_text(job -> 'reach' -> (m - 1)) n) end
  from (select job -> 'reach' -> (m - 1) as reach from unnest(path) m) s
$$;

-- What the attacker can do to the victim's world: "powers", the number of a probe, and a row for those that
-- read or change rows; and "errors" that were neither refusals nor constraints'. Of all probes, or of these.
-- Variables outlast the subtransactions that undo what is tried.
create function app_data_trial.powers(job jsonb, numbers integer[]) returns jsonb
language plpgsql as $$
declare
  victim integer := (job ->> 'victim')::integer;
  probe record;
  relation oid;
  outcome jsonb;
  affected bigint;
  reached text[];
  powers text[] := '{}';
  errors jsonb := '[]';
  is_marked boolean := false;
begin
  for probe in
    select n, p ->> 'kind' as kind, p ->> 'statement' as statement, p ->> 'grant' as granting,
      array(select jsonb_array_elements_text(p -> 'relations')::oid) as relations
    from jsonb_array_elements(job -> 'probes') with ordinality e (p, n)
    where numbers is null or n = any (numbers)
    order by n
  loop
    -- Calls are the last.
    if probe.kind = 'call' and not is_marked then
      set local session_replication_role = replica;
      perform app_data_trial.mark((job ->> 'attacker')::integer);
      set local session_replication_role = origin;
      is_marked := true;
    end if;
    begin
      if probe.granting is not null then
        execute probe.granting;
      end if;
      begin
        select a.affected, a.answer into affected, outcome
        from app_data_trial.act(job, probe.statement, probe.kind in ('read', 'call')) a;
      exception
        -- A constraint comes after the policies.
        when integrity_constraint_violation then
          if probe.kind = 'insert' then
            affected := 1;
          elsif probe.kind = 'delete' then
            set local session_replication_role = replica;
            select a.affected into affected from app_data_trial.act(job, probe.statement) a;
          else
            raise;
          end if;
      end;
      if probe.kind = 'read' then
        select array_agg(format('%s %s %s', probe.n, p.relation, p.place)) into reached
        from app_data_trial.pristine p
        join jsonb_array_elements(outcome) seen (at)
          on p.relation = (seen.at ->> 0)::oid and p.place = (seen.at ->> 1)::tid
        where p.world = victim;
        powers := powers || reached;
      elsif probe.kind = 'call' then
        -- Texts of the victim's rows, and keys of them that the caller did not name.
        powers := powers || array(
          select format('%s %s', probe.n, r) from jsonb_array_elements(outcome) r
          where position('${TEXT_MARK}' in r::text) > 0
          union all
          select format('%s %s', probe.n, k.id) from app_data_trial.key k
          where k.world = victim and not k.of_user
            and position(k.id in outcome::text) > 0 and position(k.id in probe.statement) = 0);
      elsif affected > 0 and probe.kind = 'insert' then
        powers := powers || probe.n::text;
      elsif affected > 0 then
        foreach relation in array probe.relations loop
          execute format(
            'select array(select format(''%%s %%s %%s'', $1, p.relation, p.place)
             from app_data_trial.pristine p
             where p.relation = %1$s and p.world = $2
               and not exists (select from only %2$s t where t.ctid = p.place))',
            relation, relation::regclass)
            into reached using probe.n, victim;
          powers := powers || reached;
        end loop;
      end if;
      raise exception using errcode = 'TR001';
    exception
      when sqlstate 'TR001' or insufficient_privilege or raise_exception or integrity_constraint_violation then
        null;
      when others or assert_failure then
        errors := errors || jsonb_build_object('probe', probe.n, 'error', sqlstate, 'message', sqlerrm);
    end;
  end loop;
  return jsonb_build_object('powers', powers, 'errors', errors);
end $$;

-- Makes each of the candidates' moves that can be made here, and from there those that could not be made
-- before, or that may do something else then. Returns [{"path": […], "powers": […], "errors": […]}, …], and the
-- "error" that ended a move instead; a path is the numbers of moves.
create function app_data_trial.explore(job jsonb, candidates integer[], path integer[])
returns jsonb language plpgsql as $$
declare
  move integer;
  statement text;
  is_call boolean;
  tables oid[] := array(select jsonb_array_elements_text(job -> 'tables')::oid);
  affected bigint;
  before bigint;
  refused integer[] := '{}';
  made integer[] := '{}';
  states jsonb := '[]';
begin
  foreach move in array candidates loop
    begin
      statement := job -> 'moves' ->> (move - 1);
      is_call := statement ~ '^(select|call) ';
      before := case when is_call then app_data_trial.written(tables) end;
      select a.affected into affected from app_data_trial.act(job, statement) a;
      if (is_call and app_data_trial.written(tables) = before) or affected = 0 then
        raise exception using errcode = 'TR002';
      end if;
      made := made || move;
      states := states || (jsonb_build_object('path', path || move)
        || app_data_trial.powers(job, app_data_trial.reached(job, path || move)));
      raise exception using errcode = 'TR001';
    exception
      when sqlstate 'TR001' then
        null;
      when sqlstate 'TR002' then
        refused := refused || move;
      when others or assert_failure then
        refused := refused || move;
        states := states || jsonb_build_object(
          'path', path || move, 'error', sqlstate, 'message', sqlerrm);
    end;
  end loop;
  if cardinality(path) + 1 < (job ->> 'rounds')::integer then
    foreach move in array made loop
      begin
        perform app_data_trial.act(job, job -> 'moves' ->> (move - 1));
        states := states || app_data_trial.explore(job, refused || array(
          select m from unnest(made) m
          where m <> move and job -> 'again' @> to_jsonb(m) and not job -> 'again' @> to_jsonb(move)),
          path || move);
        raise exception using errcode = 'TR001';
      exception when sqlstate 'TR001' then
        null;
      end;
    end loop;
  end if;
  return states;
end $$;

-- The powers of an attacker to whom something is given, and after each series of moves.
create function app_data_trial.moves(job jsonb) returns jsonb language plpgsql as $$
declare
  line text;
  setting record;
  states jsonb;
begin
  set local session_replication_role = replica;
  for line in select jsonb_array_elements_text(job -> 'before') loop
    execute line;
  end loop;
  set local session_replication_role = origin;
  if job ? 'given' then
    perform app_data_trial.settle(
      (job -> 'given' ->> 'relation')::oid::regclass, (job -> 'given' ->> 'world')::integer);
  end if;
  for setting in select * from jsonb_each_text(job -> 'settings') loop
    perform set_config(setting.key, setting.value, true);
  end loop;
  states := app_data_trial.explore(
    job, array(select generate_series(1, jsonb_array_length(job -> 'moves'))), '{}');
  -- The last, since it leaves marks in texts.
  states := states || (jsonb_build_object('path', '[]'::jsonb) || app_data_trial.powers(job, null));
  raise exception using errcode = 'TR001';
exception
  when sqlstate 'TR001' then
    return states;
  when integrity_constraint_violation then
    -- Nobody can be given this.
    return '[]';
  when raise_exception or data_exception or assert_failure then
    -- A trigger refuses it.
    return '[]';
  when query_canceled then
    return null;
end $$;
revoke all on all functions in schema app_data_trial from public;
`;
