import { type ObjectQuery, comment, grantsOf, list, listOf, roleName } from "./shared";

/** The database itself; its name is left out, so that two databases can be compared. */
export const database: ObjectQuery = {
  key: "'database'",
  fields: {
    owner: roleName("d.datdba"),
    settings: settingsOf("0"),
    grants: grantsOf("d.datacl", "d", "d.datdba"),
  },
  from: "here d",
};

export const schemas: ObjectQuery = {
  key: "format('schema %I', n.nspname)",
  fields: {
    name: "n.nspname",
    owner: roleName("n.nspowner"),
    grants: grantsOf("n.nspacl", "n", "n.nspowner"),
    comment: comment("pg_namespace", "n.oid"),
  },
  from: "namespaces n",
};

export const extensions: ObjectQuery = {
  key: "format('extension %I', e.extname)",
  fields: {
    schema: "n.nspname",
    version: "e.extversion",
    owner: roleName("e.extowner"),
  },
  from: "pg_extension e join pg_namespace n on n.oid = e.extnamespace",
};

/** What objects to come will grant. Without an entry PostgreSQL's own defaults hold. */
export const defaultPrivileges: ObjectQuery = {
  key: `format('default privileges of %I%s on %s', ${roleName("d.defaclrole")},
    case when n.oid is not null then format(' in %I', n.nspname) end, kinds.name)`,
  fields: {
    owner: roleName("d.defaclrole"),
    schema: "n.nspname",
    objects: "kinds.name",
    grants: grantsOf("d.defaclacl", "r", "d.defaclrole"),
  },
  from: `pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace
    join (values ('r', 'tables'), ('S', 'sequences'), ('f', 'functions'), ('T', 'types'),
            ('n', 'schemas'), ('L', 'large objects')) kinds (code, name)
      on kinds.code = d.defaclobjtype::text`,
};

/** Publications copy rows past row level security. */
export const publications: ObjectQuery = {
  key: "format('publication %I', p.pubname)",
  fields: {
    owner: roleName("p.pubowner"),
    allTables: "p.puballtables",
    schemas: list(
      "n.nspname::text",
      "pg_publication_namespace m join pg_namespace n on n.oid = m.pnnspid where m.pnpubid = p.oid",
    ),
    tables: list(
      "m.prrelid::regclass || coalesce(' where ' || pg_get_expr(m.prqual, m.prrelid), '')",
      "pg_publication_rel m where m.prpubid = p.oid",
    ),
  },
  from: "pg_publication p",
};

export const eventTriggers: ObjectQuery = {
  key: "format('event trigger %I', t.evtname)",
  fields: {
    owner: roleName("t.evtowner"),
    event: "t.evtevent",
    function: "t.evtfoid::regprocedure::text",
    enabled: "t.evtenabled <> 'D'",
    tags: listOf("t.evttags", "tag", "tag"),
  },
  from: "pg_event_trigger t",
};

export const foreignServers: ObjectQuery = {
  key: "format('foreign server %I', s.srvname)",
  fields: {
    owner: roleName("s.srvowner"),
    wrapper: "w.fdwname",
    grants: grantsOf("s.srvacl", "S", "s.srvowner"),
  },
  from: "pg_foreign_server s join pg_foreign_data_wrapper w on w.oid = s.srvfdw",
};

/**
 * `alter role … set` and `alter database … set`. A setting with a dot in its name is the application's
 * own and may hold a secret: of these the name alone is read.
 */
export function settingsOf(role: string): string {
  return list(
    "case when split_part(s, '=', 1) like '%.%' then split_part(s, '=', 1) else s end",
    `here h join pg_db_role_setting c on c.setrole = ${role} and (c.setdatabase = h.oid
       ${role === "0" ? "" : "or c.setdatabase = 0"}), unnest(c.setconfig) s`,
  );
}
