import type { ClientBase } from "pg";

/** A change that somebody made by hand. */
export interface Mutation {
  /** Mutations of one group can be made together: no one hides another. */
  group: string;
  sql: string;
  /** How a line of verify's message begins that names the changed object. */
  noticedAs: string;
}

/** Every role that could be given a right, each with the right that it is given. */
const EXTRA_RIGHTS: [role: string, right: string][] = [
  ["public", "truncate"],
  ["app", "references"],
  ["anon", "trigger"],
  ["authenticated", "maintain"],
  ["service_role", "update (id)"],
  ["test_reader", "delete"],
];

/** Changes of roles; the roles `test_reader` and `test_bypass` have to exist. */
export const ROLE_MUTATIONS: Mutation[] = [
  alone("alter role app bypassrls", "role app is not part of this: bypasses"),
  alone("alter role migrator bypassrls", "role migrator is not part of this: bypasses"),
  alone("alter role service_role bypassrls", "role service_role is not part of this: bypasses"),
  alone("alter role authenticated superuser", "role authenticated is not part of this: a super"),
  alone("grant migrator to app", "role app, member of migrator is not part"),
  alone("grant migrator to service_role", "role service_role, member of migrator is not part"),
  alone("grant service_role to authenticated", "role authenticated, member of service_role is not"),
  alone("grant authenticated to anon", "role anon, member of authenticated is not part"),
  alone(
    "grant monitor to anon with inherit false, set true",
    "role anon, member of monitor is not part",
  ),
  alone(
    "grant test_bypass to app with inherit false, set true",
    "role app, member of test_bypass is not part",
  ),
  alone("grant pg_read_all_data to test_bypass", "role test_bypass is not part of this: bypasses"),
  alone("grant pg_read_all_data to anon", "role anon is not part of this: has rights"),
];

/** A mutation that is made by itself. */
export function alone(sql: string, noticedAs: string): Mutation {
  return { group: sql, sql, noticedAs };
}

/** Batches of mutations that can be made together and told apart. */
export function batches(mutations: Mutation[]): Mutation[][] {
  const found: Mutation[][] = [];
  for (const mutation of mutations) {
    const batch = found.find((others) =>
      others.every((o) => o.group === mutation.group && o.noticedAs !== mutation.noticedAs),
    );
    if (batch) batch.push(mutation);
    else found.push([mutation]);
  }
  return found;
}

/**
 * Reads from the catalog every policy, constraint, index, trigger, column and right of the tables
 * (of schema `public`), and gives changes that make each of them less, else or more.
 */
export async function tableMutations(client: ClientBase, tables: string[]): Promise<Mutation[]> {
  const list = `in (${tables.map((table) => `'public.${table}'::regclass`).join(", ")})`;
  const read = async <Column extends string>(sql: string) =>
    (await client.query<Record<Column, string>>(sql)).rows;
  // 000 knows constraints and indexes by what they do, later migrations by name.
  const byName = !tables.includes("users");

  const policies = await read<"t" | "p" | "clause">(
    `select polrelid::regclass t, polname p,
        case when polqual is null then 'with check' else 'using' end clause
      from pg_policy where polrelid ${list}`,
  );
  const constraints = await read<"t" | "c" | "d">(
    `select conrelid::regclass t, conname c,
        replace(pg_get_constraintdef(oid), 'REFERENCES users', 'REFERENCES public.users') d
      from pg_constraint where conrelid ${list} and contype in ('c', 'f', 'u')`,
  );
  const indexes = await read<"t" | "i" | "d">(
    `select indrelid::regclass t, indexrelid::regclass i,
        substring(pg_get_indexdef(indexrelid) from 'USING (.*)') d
      from pg_index where indrelid ${list}
        and not exists (select from pg_constraint where conindid = indexrelid)`,
  );
  const triggers = await read<"t" | "g">(
    `select tgrelid::regclass t, tgname g from pg_trigger
      where tgrelid ${list} and not tgisinternal`,
  );
  const columns = await read<"t" | "c" | "has_default" | "required">(
    `select attrelid::regclass t, attname c, (atthasdef and attgenerated = '')::text has_default,
        (attnotnull and attname <> 'id')::text required
      from pg_attribute where attrelid ${list} and attnum > 0`,
  );
  const rights = await read<"t" | "r" | "v" | "c">(
    `select c.oid::regclass t, a.grantee::regrole r, a.privilege_type v, '' c
      from pg_class c, aclexplode(c.relacl) a where c.oid ${list}
    union all select attrelid::regclass, a.grantee::regrole, a.privilege_type, attname
      from pg_attribute, aclexplode(attacl) a where attrelid ${list}`,
  );
  const rightsLine = (t: string, r: string, c: string) => {
    if (c === "") return `rights on public.${t} of ${r} is`;
    return byName
      ? `column rights on public.${t} of ${r} is`
      : `rights on public.${t}.${c} of ${r}`;
  };

  return [
    ...policies.flatMap(({ t, p, clause }) => [
      mutation("drop policy", `${p} on public.${t}`, `policy public.${t}.${p} is missing`),
      mutation("alter policy", `${p} on public.${t} to public`, `policy public.${t}.${p} is "`),
      {
        group: "widen policy",
        sql: `alter policy ${p} on public.${t} ${clause} (1 = 1)`,
        noticedAs: `policy public.${t}.${p} is "`,
      },
      {
        group: "rename policy",
        sql: `alter policy ${p} on public.${t} rename to renamed_${p}`,
        noticedAs: `policy public.${t}.renamed_${p} is not part`,
      },
    ]),
    ...constraints.map(({ t, c, d }) => ({
      group: "drop constraint",
      sql: `alter table public.${t} drop constraint ${c}`,
      noticedAs: `constraint public.${t}${byName ? `.${c}` : `: ${d}`} is missing`,
    })),
    ...indexes.flatMap(({ t, i, d }) => {
      const name = byName ? `public.${i}` : `public.${t}: ${d}`;
      const pgIndex = `where indexrelid = 'public.${i}'::regclass`;
      return [
        mutation("drop index", `public.${i}`, `index ${name} is missing`),
        {
          group: "invalid index",
          sql: `update pg_index set indisvalid = false ${pgIndex}`,
          noticedAs: `index ${name} is "INVALID`,
        },
      ];
    }),
    ...triggers.flatMap(({ t, g }) => [
      mutation("drop trigger", `${g} on public.${t}`, `trigger public.${t}.${g} is missing`),
      ...["disable", "enable replica", "enable always"].map((change) => ({
        group: `${change} trigger`,
        sql: `alter table public.${t} ${change} trigger ${g}`,
        noticedAs: `trigger public.${t}.${g} is "`,
      })),
    ]),
    ...columns.flatMap(({ t, c, has_default, required }) => [
      {
        group: "rename column",
        sql: `alter table public.${t} rename column ${c} to renamed_${c}`,
        noticedAs: `column public.${t}.${c} is missing`,
      },
      ...(has_default === "true" ? ["drop default"] : [])
        .concat(required === "true" ? ["drop not null"] : [])
        .map((change) => ({
          group: change,
          sql: `alter table public.${t} alter ${c} ${change}`,
          noticedAs: `column public.${t}.${c} is "`,
        })),
    ]),
    ...rights.map(({ t, r, v, c }) => ({
      group: "revoke",
      sql: `revoke ${v} ${c === "" ? "" : `(${c})`} on public.${t} from ${r}`,
      noticedAs: rightsLine(t, r, c),
    })),
    ...tables.flatMap((table) => wholeTableMutations(table, rightsLine)),
  ];
}

function wholeTableMutations(
  t: string,
  rightsLine: (table: string, role: string, column: string) => string,
): Mutation[] {
  const changed = `table public.${t} is "`;
  const alter = (change: string, noticedAs: string) => ({
    group: change,
    sql: `alter table public.${t} ${change}`,
    noticedAs,
  });
  return [
    alter("disable row level security", changed),
    alter("no force row level security", changed),
    alter("owner to test_reader", changed),
    alter(`rename to renamed_${t}`, `table public.${t} is missing`),
    alter("add column extra text", `column public.${t}.extra is not part`),
    ...(t === "users" ? [] : [alter("set unlogged", changed)]),
    ...EXTRA_RIGHTS.map(([role, right]) => ({
      group: `grant to ${role}`,
      sql: `grant ${right} on public.${t} to ${role}`,
      noticedAs: rightsLine(
        t,
        role === "public" ? "PUBLIC" : role,
        right.includes("(") ? "id" : "",
      ),
    })),
    {
      group: "grant option",
      sql: `grant select on public.${t} to authenticated with grant option`,
      noticedAs: `rights on public.${t} of authenticated is "`,
    },
    {
      group: `bypass ${t}`,
      sql: `grant select on public.${t} to test_bypass`,
      noticedAs: "role test_bypass is not part of this: bypasses row level security",
    },
    mutation("create policy", `extra on public.${t} using (true)`, `policy public.${t}.extra is`),
    {
      group: "restrictive policy",
      sql: `create policy extra on public.${t} as restrictive using (true)`,
      noticedAs: `policy public.${t}.extra is not part of this: restrictive`,
    },
    {
      group: "add constraint",
      sql: `alter table public.${t} add constraint extra check (id is not null)`,
      noticedAs: `constraint public.${t}`,
    },
    mutation("create index", `extra_${t} on public.${t} (id, created_at)`, ""),
    {
      group: "create rule",
      sql: `create rule extra as on update to public.${t} do also nothing`,
      noticedAs: `rule public.${t}.extra is not part`,
    },
    {
      group: "create child",
      sql: `create table public.child_of_${t} () inherits (public.${t})`,
      noticedAs: `child table public.child_of_${t} is not part`,
    },
    {
      group: "create view",
      sql: `create view public.view_of_${t} as select * from public.${t}`,
      noticedAs: `view public.view_of_${t} is not part`,
    },
    {
      group: "create trigger",
      sql:
        `create function public.f_${t}() returns trigger language plpgsql as 'begin return new; end';` +
        `create trigger extra before insert on public.${t} for each row execute function public.f_${t}()`,
      noticedAs: `trigger public.${t}.extra is not part`,
    },
  ].map((m) => (m.noticedAs === "" ? { ...m, group: m.sql, noticedAs: `index public.` } : m));
}

function mutation(verb: string, object: string, noticedAs: string): Mutation {
  return {
    group: `${verb} ${object.endsWith("to public") ? "roles" : ""}`,
    sql: `${verb} ${object}`,
    noticedAs,
  };
}
