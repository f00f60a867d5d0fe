import type { ForeignKey, ForeignKeyAction } from "@app-data/rules";

// What the server prints of constraints and indexes. Names with a quote in them are kept apart by it.
const NAME = '(?:"(?:[^"]|"")*"|[^\\s",().]+)';
const NAMES = `\\((${NAME}(?:, ${NAME})*)\\)`;
const KEY = new RegExp(`^(?:PRIMARY KEY|UNIQUE(?: NULLS NOT DISTINCT)?) ${NAMES}`);
const FOREIGN_KEY = new RegExp(`^FOREIGN KEY ${NAMES} REFERENCES (${NAME}(?:\\.${NAME})?)${NAMES}`);
const ACTIONS: readonly ForeignKeyAction[] = ["cascade", "set null", "set default"];
const INDEX = /^CREATE (UNIQUE )?INDEX .*? USING \w+ \((.*)$/s;
const INDEXED = new RegExp(`^(${NAME})(?: [a-zA-Z_"][^,()]*)?(, |\\))`);

/** The columns of a primary key or unique constraint; undefined for any other. */
export function keyOf(definition: string): string[] | undefined {
  const columns = KEY.exec(definition)?.[1];
  return columns === undefined ? undefined : names(columns);
}

/** A foreign key; undefined for any other constraint. */
export function foreignKeyOf(definition: string): ForeignKey | undefined {
  const [, columns, table, references] = FOREIGN_KEY.exec(definition) ?? [];
  if (columns === undefined || table === undefined || references === undefined) return undefined;
  const [onDelete, onUpdate] = ["DELETE", "UPDATE"].map((event) => actionOf(definition, event));
  return {
    columns: names(columns),
    table: relationName(table),
    references: names(references),
    ...(onDelete && { onDelete }),
    ...(onUpdate && { onUpdate }),
  };
}

function actionOf(definition: string, event: string): ForeignKeyAction | undefined {
  const written = ` ON ${event} `;
  const at = definition.lastIndexOf(written);
  return at < 0
    ? undefined
    : ACTIONS.find((action) => definition.startsWith(action.toUpperCase(), at + written.length));
}

/** The columns of an index up to the first expression, and whether they are a key of the table. */
export function leadingColumns(definition: string): { columns: string[]; isKey: boolean } {
  const [, unique, list = ""] = INDEX.exec(definition) ?? [];
  const columns: string[] = [];
  let rest = list;
  for (let found = INDEXED.exec(rest); found; found = INDEXED.exec(rest)) {
    columns.push(unquoted(found[1] ?? ""));
    rest = rest.slice(found[0].length);
    if (found[2] === ")") return { columns, isKey: unique !== undefined && !/ WHERE /.test(rest) };
  }
  return { columns, isKey: false };
}

/** The parts of a name that is qualified, `public` where it is not. */
export function relationName(text: string): { schema: string; name: string } {
  const [first = "", second] = [...text.matchAll(new RegExp(NAME, "g"))].map(([part]) => part);
  return second === undefined
    ? { schema: "public", name: unquoted(first) }
    : { schema: unquoted(first), name: unquoted(second) };
}

function names(list: string): string[] {
  return [...list.matchAll(new RegExp(NAME, "g"))].map(([name]) => unquoted(name));
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
