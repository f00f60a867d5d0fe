import type { Contract } from "@app-data/rules";
import { isText } from "../rows/candidate-values";
import { type Catalog, type Column, type Relation, isSecret } from "../rows/catalog";
import { wordsOf } from "../rows/hints";
import { type Row, insertStatement } from "../rows/statements";
import { NOWHERE } from "../rows/worlds";

/** A user who signs up, with what they chose for themselves. */
export interface SignUp {
  relation: Relation;
  /** Run by the superuser, as the platform does it. */
  statement: string;
  email: string;
}

const MOST_VALUES = 24;
const LOOKED_UP = /->>?\s*'(\w+)'/g;

/**
 * Sign-ups on each table of users whose triggers read what users choose for themselves: the first of each
 * table with nothing of the victim's, the others with values that stand in the victim's rows: as the ending of
 * an address, as a name, as data about oneself. Addresses are not taken: whose they are can be checked.
 */
export function signUpsOf(
  catalog: Catalog,
  { usersTables, userWrittenClaims }: Contract,
  rowsOfVictim: (relation: Relation) => Row[],
): SignUp[][] {
  return catalog.relations.flatMap((relation): SignUp[][] => {
    const { schema, name, columns } = relation;
    const users = usersTables.find((one) => one.schema === schema && one.name === name);
    const sources = sourcesOf(relation, catalog);
    const words = wordsOf(sources.join("\n"));
    const chosen = columns.filter((one) => userWrittenClaims.includes(one.name));
    const read = chosen.filter((one) => words.has(one.name));
    if (!users || read.length === 0) return [];
    const known = catalog.relations
      .filter((one) => one !== relation && words.has(one.name))
      .flatMap((one) =>
        rowsOfVictim(one)
          .slice(0, 1)
          .map((row) => readable(one, row)),
      );
    const values = known.flatMap((row) => Object.values(row)).filter((value) => value !== null);
    const keys = sources.flatMap((text) =>
      [...text.matchAll(LOOKED_UP)].map(([, key = ""]) => key),
    );
    const signUp = (choice: Row): SignUp => {
      const row: Row = { ...choice, [users.key]: NOWHERE.id };
      const needed = columns.filter((one) => one.notNull && !one.hasDefault && !(one.name in row));
      for (const one of needed) row[one.name] = isMail(one) ? NOWHERE.email : NOWHERE.id;
      const mail = columns.find((one) => isMail(one) && one.name in row);
      const email = (mail && row[mail.name]) ?? NOWHERE.email;
      return { relation, statement: insertStatement(relation, row), email };
    };
    const forged = [...new Set(values)].slice(0, MOST_VALUES).flatMap((value) =>
      read.map((column): Row => {
        if (!isText(column)) {
          // What is looked up by the name of a column is its value; what is not may be any.
          const found = keys.map((key) => [key, known.find((row) => key in row)?.[key] ?? value]);
          return { [column.name]: JSON.stringify(Object.fromEntries(found)) };
        }
        return { [column.name]: isMail(column) ? `newcomer@${value}` : value };
      }),
    );
    const unforged = Object.fromEntries(
      chosen.flatMap((one) => (/^json/.test(one.base) ? [[one.name, "{}"]] : [])),
    ) as Row;
    const all = [{}, ...forged].map((choice) => signUp({ ...unforged, ...choice }));
    const seen = new Set<string>();
    return [all.filter(({ statement }) => !seen.has(statement) && seen.add(statement))];
  });
}

/** The functions of a table's triggers, and those that they call. */
function sourcesOf({ triggers }: Relation, { routines }: Catalog): string[] {
  const found = new Set(routines.filter(({ id }) => triggers.includes(id)));
  // A set that grows is iterated to its end.
  for (const { source } of found)
    for (const one of routines) if (wordsOf(source).has(one.name)) found.add(one);
  return [...found].map(({ source }) => source);
}

/** A row without its tokens, and without addresses. */
function readable(relation: Relation, row: Row): Row {
  const open = relation.columns.filter((one) => !isSecret(relation, one) && one.name in row);
  return Object.fromEntries(
    open
      .map(({ name }): [string, Row[string]] => [name, row[name] ?? null])
      .filter(([, value]) => value?.includes("@") !== true),
  );
}

function isMail({ name, base }: Column): boolean {
  return name.includes("mail") && base !== "uuid" && !/^json/.test(base);
}
