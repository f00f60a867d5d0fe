import {
  PRINTING,
  type Catalog,
  type Fact,
  canonicalJson,
  objectsOfKinds,
  splitKey,
} from "../catalog";
import { literal } from "../database/script";

/** What another server of the same schema has otherwise, or what another field says already. */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  function: ["source"],
  extension: ["version", "owner"],
};
/** They belong to the stack, not to a migration. */
const NOT_OF_MIGRATIONS = new Set(["role", "database"]);

/**
 * A verify file that raises unless the catalog holds what was read from one: it names each object that is
 * missing, and each of its properties that is another.
 * @param name of the migration.
 */
export function verifyFile(name: string, catalog: Catalog): string {
  const objects = [...catalog]
    .filter(([key]) => !NOT_OF_MIGRATIONS.has(splitKey(key).kind))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const header = `-- Purpose   Raise unless the catalog holds what ${name} makes
-- Requires  nothing
-- Hazards   none: writes nothing
-- Rollback  loses nothing
-- Generated from the catalog; an edit is as good as in any other verify file.
`;
  if (objects.length === 0) return `${header}\n${NOTHING_LEFT}`;
  const expected = objects.map(
    ([key, fact]) =>
      `      (${literal(key)}, ${literal(canonicalJson(verified(key, fact)))}::jsonb)`,
  );
  const settings = Object.entries(PRINTING).map(
    ([setting, value]) => `  perform set_config('${setting}', ${literal(value)}, true);`,
  );
  return `${header}
do $verify$
declare
  problems text;
begin
  -- As the facts below were printed.
${settings.join("\n")}

  ${objectsOfKinds(objects.map(([key]) => splitKey(key).kind)).trim()},
  expected (key, fact) as (
    values
${expected.join(",\n")}
  ),
  differing (key, what) as (
    select e.key, case when o.key is null then 'is missing' else (
             select string_agg(format('%s is %s, expected %s', field,
                      coalesce(found.value::text, 'absent'), coalesce(wanted.value::text, 'none')),
                      '; ' order by field)
               from jsonb_each(e.fact) wanted (field, value)
               full join jsonb_each(o.fact::jsonb) found (field, value) using (field)
              where wanted.value is distinct from found.value
                and field <> all (${leftOut()})) end
      from expected e left join objects o on o.key = e.key
  )
  select string_agg(format('%s %s', key, what), E'\\n' order by key) into problems
    from differing where what is not null;
  if problems is not null then
    raise exception using message = ${literal(`SQL007 the catalog is not as ${name} makes it:`)} || E'\\n' || problems;
  end if;
end
$verify$;
`;
}

const NOTHING_LEFT = `-- The catalog holds nothing of it: it changed rows alone, or what later migrations changed again. Write here
-- what tells that it was done.
do $verify$ begin perform 1; end $verify$;
`;

function leftOut(): string {
  const cases = Object.entries(LEFT_OUT).map(
    ([kind, names]) => `when e.key like '${kind} %' then array[${names.map(literal).join(", ")}]`,
  );
  return `case ${cases.join(" ")} else array[]::text[] end`;
}

function verified(key: string, fact: Fact): Fact {
  const without = LEFT_OUT[splitKey(key).kind] ?? [];
  return Object.fromEntries(Object.entries(fact).filter(([field]) => !without.includes(field)));
}
