import { type ObjectQuery, comment, listOf, roleName } from "./shared";

/** Not-null constraints (PostgreSQL 18) are part of the columns, constraint triggers are triggers. */
export const constraints: ObjectQuery = {
  key: "format('constraint %s.%I', c.qualified, k.conname)",
  fields: {
    table: "c.qualified",
    definition: "pg_get_constraintdef(k.oid)",
    validated: "k.convalidated",
    comment: comment("pg_constraint", "k.oid"),
  },
  from: "relations c join pg_constraint k on k.conrelid = c.oid where k.contype not in ('n', 't')",
};

export const indexes: ObjectQuery = {
  key: "format('index %I.%I', c.nspname, x.relname)",
  fields: {
    table: "c.qualified",
    definition: "pg_get_indexdef(i.indexrelid)",
    valid: "i.indisvalid",
    ready: "i.indisready",
    constraint: "quote_ident(k.conname)",
    comment: comment("pg_class", "x.oid"),
  },
  from: `relations c join pg_index i on i.indrelid = c.oid
    join pg_class x on x.oid = i.indexrelid
    left join pg_constraint k on k.conrelid = i.indrelid and k.conindid = i.indexrelid
      and k.contype in ('p', 'u', 'x')
    where i.indislive`,
};

function enabledState(state: string): string {
  return `case ${state} when 'O' then 'enabled' when 'D' then 'disabled'
    when 'R' then 'on replicas only' else 'always' end`;
}

export const triggers: ObjectQuery = {
  key: "format('trigger %s.%I', c.qualified, t.tgname)",
  fields: {
    table: "c.qualified",
    name: "t.tgname",
    definition: "pg_get_triggerdef(t.oid)",
    enabled: enabledState("t.tgenabled"),
    comment: comment("pg_trigger", "t.oid"),
  },
  from: "relations c join pg_trigger t on t.tgrelid = c.oid where not t.tgisinternal",
};

/** Rewrite rules, which act before row level security; a view's own is its definition. */
export const rules: ObjectQuery = {
  key: "format('rule %s.%I', c.qualified, r.rulename)",
  fields: {
    table: "c.qualified",
    definition: "pg_get_ruledef(r.oid)",
    enabled: enabledState("r.ev_enabled"),
  },
  from: "relations c join pg_rewrite r on r.ev_class = c.oid where r.rulename <> '_RETURN'",
};

export const policies: ObjectQuery = {
  key: "format('policy %s.%I', c.qualified, p.polname)",
  fields: {
    table: "c.qualified",
    name: "p.polname",
    command: `case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
                when 'd' then 'delete' else 'all' end`,
    permissive: "p.polpermissive",
    roles: listOf("p.polroles", "m", roleName("m")),
    using: "pg_get_expr(p.polqual, p.polrelid)",
    check: "pg_get_expr(p.polwithcheck, p.polrelid)",
    comment: comment("pg_policy", "p.oid"),
  },
  from: "relations c join pg_policy p on p.polrelid = c.oid",
};

export const statistics: ObjectQuery = {
  key: "format('statistics %I.%I', n.nspname, s.stxname)",
  fields: {
    table: "c.qualified",
    owner: roleName("s.stxowner"),
    definition: "pg_get_statisticsobjdef(s.oid)",
  },
  from: `relations c join pg_statistic_ext s on s.stxrelid = c.oid
    join pg_namespace n on n.oid = s.stxnamespace`,
};
