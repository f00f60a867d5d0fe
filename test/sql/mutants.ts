import type { ClientBase } from "pg";
import { policyMutations } from "./policy-mutations";
import type { Migration } from "./sql-files";

/** One protection of the schema taken away or widened. */
export interface Mutant {
  kind:
    | "policy"
    | "row level security"
    | "right revoked"
    | "right granted"
    | "constraint"
    | "index"
    | "trigger"
    | "function";
  sql: string;
  /** The schema-qualified relation, function or schema. */
  object: string;
  /** Whom it concerns, as the matrix calls them; nobody: everybody. */
  who?: string;
  /** The constraint or index that is gone. */
  name?: string;
  /** How a line of verify's message begins, where the mutant says that. */
  noticedAs?: string;
}

const SCHEMAS = "in ('public', 'auth', 'monitoring')";
/** The roles that rights can be given to, and who of the matrix shows it; PUBLIC is everybody, so app, who has none. */
const HOLDERS: Record<string, string> = {
  public: "app",
  app: "app",
  anon: "anon",
  authenticated: "A",
  service_role: "service",
  monitor: "monitor",
};
const RIGHTS: Record<string, string[]> = {
  table: ["select", "insert", "update", "delete", "truncate", "references", "trigger", "maintain"],
  view: ["select"],
  function: ["execute"],
  schema: ["usage", "create"],
};

/** The mutants of everything that is in the catalog; a new object has its own without being named. */
export async function mutantsOf(client: ClientBase): Promise<Mutant[]> {
  const policies = (await policyMutations(client)).map(({ sql, table, noticedAs }): Mutant => ({
    kind: "policy",
    sql,
    object: `public.${table}`,
    noticedAs,
  }));
  return [
    ...policies,
    ...(await rowSecurityMutants(client)),
    ...(await rightMutants(client)),
    ...(await constraintMutants(client)),
    ...(await triggerMutants(client)),
    ...(await functionMutants(client)),
  ];
}

async function rowSecurityMutants(client: ClientBase): Promise<Mutant[]> {
  const { rows } = await client.query<{ object: string }>(
    `select relnamespace::regnamespace || '.' || relname as object from pg_class
      where relnamespace::regnamespace::text ${SCHEMAS} and relkind in ('r', 'p') order by 1`,
  );
  return rows.flatMap(({ object }) =>
    ["no force", "disable"].map((change) => ({
      kind: "row level security" as const,
      sql: `alter table ${object} ${change} row level security`,
      object,
    })),
  );
}

async function rightMutants(client: ClientBase): Promise<Mutant[]> {
  const { rows } = await client.query<{
    sort: "table" | "view" | "function" | "schema";
    object: string;
    held: string[];
    columns: string[];
  }>(`
    with objects (sort, object, owner, acl, oid) as (
      select case when relkind in ('v', 'm') then 'view' else 'table' end,
             relnamespace::regnamespace || '.' || relname, relowner, relacl, oid
        from pg_class where relnamespace::regnamespace::text ${SCHEMAS} and relkind in ('r', 'p', 'v', 'm')
      union all
      select 'function', format('%s.%I(%s)', pronamespace::regnamespace, proname, pg_get_function_identity_arguments(oid)),
             proowner, proacl, null
        from pg_proc where pronamespace::regnamespace::text ${SCHEMAS}
      union all
      select 'schema', nspname, nspowner, nspacl, null from pg_namespace where nspname ${SCHEMAS}
    )
    select sort, object,
      array(select lower(privilege_type) || ' ' || grantee::regrole from aclexplode(acl) where grantee <> owner) as held,
      array(select format('%s (%I) %s', lower(privilege_type), attname, grantee::regrole)
              from pg_attribute, aclexplode(attacl) where attrelid = oid) as columns
    from objects order by 1, 2`);
  return rows.flatMap(({ sort, object, held, columns }) => {
    const on = `on ${sort === "function" || sort === "schema" ? `${sort} ` : ""}${object}`;
    return [
      ...[...held, ...columns].map((right): Mutant => {
        const role = right.split(" ").at(-1) ?? "";
        const what = right.slice(0, -role.length);
        return {
          kind: "right revoked",
          sql: `revoke ${what}${on} from ${role}`,
          object,
          who: HOLDERS[role] ?? "",
        };
      }),
      // Who has a right is given others; who has none, those that others have.
      ...Object.entries(HOLDERS).flatMap(([role, who]) => {
        const all = [...held, ...columns];
        const possible = RIGHTS[sort] ?? [];
        const given = all.some((right) => right.endsWith(` ${role}`))
          ? possible
          : possible.filter((right) => all.some((other) => other.startsWith(right)));
        return given
          .filter((right) => !held.includes(`${right} ${role}`))
          .map((right): Mutant => ({
            kind: "right granted",
            sql: `grant ${right} ${on} to ${role}`,
            object,
            who,
          }));
      }),
    ];
  });
}

async function constraintMutants(client: ClientBase): Promise<Mutant[]> {
  const { rows } = await client.query<{
    object: string;
    name: string;
    sort: string;
    definition: string;
  }>(`
    select conrelid::regclass::text as object, conname as name, contype::text as sort,
           pg_get_constraintdef(oid) as definition
      from pg_constraint
     where connamespace::regnamespace::text ${SCHEMAS} and conrelid <> 0 and contype <> 't'
    union all
    select indrelid::regclass::text, c.relname, 'index', ''
      from pg_index join pg_class c on c.oid = indexrelid
     where c.relnamespace::regnamespace::text ${SCHEMAS} and indisunique
       and not exists (select from pg_constraint where conindid = indexrelid)
    order by 1, 2`);
  return rows.flatMap(({ object: table, name, sort, definition }): Mutant[] => {
    const object = table.includes(".") ? table : `public.${table}`;
    if (sort === "index") {
      return [{ kind: "index", sql: `drop index public.${name}`, object, name }];
    }
    const others = [
      ...(sort === "f" ? ["foreign key (user_id) references public.users (id)"] : []),
      ...(sort === "c" ? widerChecks(definition) : []),
    ];
    return [
      `drop constraint ${name} cascade`,
      ...others.map((other) => `drop constraint ${name}, add constraint ${name} ${other}`),
    ].map((change) => ({
      kind: "constraint",
      sql: `alter table ${object} ${change}`,
      object,
      name,
    }));
  });
}

/** Checks that pass a little more: one condition or column less, one value, sort or character more. */
function widerChecks(definition: string): string[] {
  const withEachLess = (part: RegExp, separator: string) => {
    const [, list = ""] = part.exec(definition) ?? [];
    const all = list.split(separator);
    return all.length === 1
      ? []
      : all.map((one) => definition.replace(list, without(all, one, separator)));
  };
  const replacements: [RegExp, string][] = [
    [/>= 0/, ">= -1"],
    [/> 0/, ">= 0"],
    [/ARRAY\[/, "ARRAY['other'::text, "],
    [/= 'object'::text/, "in ('object', 'array')"],
    [/'\^/, "'"],
    [/\$'/, "'"],
    [/\[[^\],]*-[^\],]*\]/, "."],
    [/\{64\}/, "{63,64}"],
    [/\{1,/, "{0,"],
    [/,200\}/, ",201}"],
  ];
  return [
    ...withEachLess(/^CHECK \(\((.* AND .*)\)\)$/, " AND "),
    ...withEachLess(/LEAST\((.*?)\)/, ", "),
    ...replacements
      .filter(([part]) => part.test(definition))
      .map(([part, other]) => definition.replace(part, () => other)),
  ];
}

function without(all: string[], one: string, separator: string): string {
  return all.filter((other) => other !== one).join(separator);
}

async function triggerMutants(client: ClientBase): Promise<Mutant[]> {
  const { rows } = await client.query<{
    object: string;
    name: string;
    definition: string;
    columns: string[];
    other: string;
  }>(`
    select format('%s.%I', relnamespace::regnamespace, relname) as object, tgname as name,
           pg_get_triggerdef(g.oid) as definition,
           array(select attname::text from unnest(tgattr) with ordinality u (attnum, at)
                   join pg_attribute a on attrelid = tgrelid and a.attnum = u.attnum order by at) as columns,
           (select attname from pg_attribute where attrelid = tgrelid and attnum > 0 and not attisdropped
              and attnum <> all (tgattr) order by attnum limit 1) as other
      from pg_trigger g join pg_class c on c.oid = tgrelid
     where not tgisinternal and relnamespace::regnamespace::text ${SCHEMAS} order by 1, 2`);
  return rows.flatMap(({ object, name, definition, columns, other }) => {
    const [, events = ""] = / (?:BEFORE|AFTER) (.*?) ON /.exec(definition) ?? [];
    const all = events.split(" OR ");
    const list = columns.join(", ");
    const others = [
      // Each event less, and each column.
      ...(all.length > 1 ? all.map((one) => [events, without(all, one, " OR ")] as const) : []),
      ...columns.map(
        (one) => [` OF ${list} `, ` OF ${without(columns, one, ", ") || other} `] as const,
      ),
    ].map(([part, less]) => definition.replace(part, less));
    return [
      `drop trigger ${name} on ${object}`,
      `alter table ${object} disable trigger ${name}`,
      ...[...others, definition.replace(/ WHEN \(.*\) EXECUTE/, " EXECUTE")]
        .filter((changed) => changed !== definition)
        .map((changed) => changed.replace("CREATE TRIGGER", "CREATE OR REPLACE TRIGGER")),
    ].map((sql): Mutant => ({ kind: "trigger", sql, object }));
  });
}

async function functionMutants(client: ClientBase): Promise<Mutant[]> {
  const { rows } = await client.query<{
    object: string;
    definition: string;
    body: string;
    result: string;
    language: string;
  }>(`
    select p.oid::regprocedure::text as object, pg_get_functiondef(p.oid) as definition, prosrc as body,
           pg_get_function_result(p.oid) as result, lanname as language
      from pg_proc p join pg_language l on l.oid = prolang
     where pronamespace::regnamespace::text ${SCHEMAS} order by 1`);
  return rows.flatMap(({ object: signature, definition, body, result, language }) => {
    const object = signature.includes(".") ? signature : `public.${signature}`;
    const withBody = (other: string) => definition.replace(body, () => other);
    return [
      `drop function ${object} cascade`,
      withBody(emptyBody(result, language)),
      // Its conditions choose among kinds of objects, each of which monitoring.test.ts changes.
      ...(object === "monitoring.read_changes()"
        ? []
        : [...new Set([...conditionsLess(body), ...branchesElse(body)])].map(withBody)),
    ].map((sql): Mutant => ({ kind: "function", sql, object }));
  });
}

/** A body that does nothing, and gives nothing of the right type. */
function emptyBody(result: string, language: string): string {
  const table = /^TABLE\((.*)\)$/.exec(result)?.[1];
  if (language === "plpgsql") {
    if (table !== undefined) return "begin return; end";
    return result === "trigger" ? "begin return coalesce(new, old); end" : "begin return null; end";
  }
  const types = table?.split(", ").map((column) => column.slice(column.indexOf(" ") + 1)) ?? [
    result,
  ];
  const nulls = `select ${types.map((type) => `null::${type}`).join(", ")}`;
  return table === undefined ? nulls : `${nulls} where false`;
}

/** The body with one condition less: each line that begins with `where` or `and`. */
function conditionsLess(body: string): string[] {
  const lines = body.split("\n");
  return lines.flatMap((line, at) => {
    const other = /^\s*where (?!exists|not exists).*[^(]$/.test(line)
      ? line.replace(
          /where .*?(;|\)?)$/,
          (_, end: string) =>
            `where true${count(line, ")") > count(line, "(") ? ")" : ""}${end === ";" ? ";" : ""}`,
        )
      : /^\s*and [^()]*$/.test(line) && !/\bthen$/.test(line)
        ? line.replace(/and .*?(;?)$/, "$1")
        : undefined;
    if (other === undefined) return [];
    return [[...lines.slice(0, at), other, ...lines.slice(at + 1)].join("\n")];
  });
}

/** The body with one branch always or never taken, or taken for one condition less. */
function branchesElse(body: string): string[] {
  return [...body.matchAll(/(?<=^\s*(?:els)?if |case when )[^;]*?(?=\sthen\b)/gm)].flatMap(
    ({ 0: condition, index }) =>
      ["true", "false", ...partsLess(condition)].map(
        (other) => body.slice(0, index) + other + body.slice(index + condition.length),
      ),
  );
}

/** A condition without each of its parts, also of those in parentheses. */
function partsLess(condition: string): string[] {
  for (const word of ["or", "and"]) {
    const parts = partsOf(condition, word);
    if (parts.length === 1) continue;
    return parts.flatMap((part, at) => {
      const others = [undefined, ...partsLess(part)];
      return others.map((other) =>
        [
          ...parts.slice(0, at),
          ...(other === undefined ? [] : [other]),
          ...parts.slice(at + 1),
        ].join(` ${word} `),
      );
    });
  }
  const [, inner] = /^\(([^]*)\)$/.exec(condition.trim()) ?? [];
  return inner === undefined ? [] : partsLess(inner).map((other) => `(${other})`);
}

/** What a word separates outside of parentheses. */
function partsOf(condition: string, word: string): string[] {
  const parts: string[] = [""];
  for (const token of condition.split(new RegExp(`(\\s+${word}\\s+)`))) {
    const before = parts.at(-1) ?? "";
    const isOutside = count(before, "(") === count(before, ")");
    if (isOutside && token.trim() === word) parts.push("");
    else parts[parts.length - 1] = before + token;
  }
  return parts;
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}

/** The migrations whose verify file could notice a mutant, the likeliest first. */
export function verifiedBy({ object, kind }: Mutant): Migration[] {
  if (object.startsWith("monitoring")) return ["005_monitoring"];
  if (/activity|retention|vocabulary|trends|analytics|smallest/.test(object)) {
    return ["003_progress_analytics"];
  }
  if (/^auth\.(token|uid|verified)/.test(object)) {
    return ["006_verified_identity", "000_existing_schema"];
  }
  if (/^public\.(users|sessions)$|^auth|^public$/.test(object)) {
    return [
      "007_vault_and_erasure",
      "000_existing_schema",
      "001_add_missing_tables",
      "005_monitoring",
    ];
  }
  if (/users_after/.test(object)) return ["007_vault_and_erasure"];
  if (/export_(archive|object)/.test(object)) return ["004_export_lifecycle", "005_monitoring"];
  return kind === "function" && !/updated_at|from_session/.test(object)
    ? ["004_export_lifecycle"]
    : ["001_add_missing_tables", "007_vault_and_erasure", "004_export_lifecycle", "005_monitoring"];
}
