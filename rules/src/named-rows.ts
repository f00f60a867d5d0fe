import { theUser } from "./condition-values";
import { type Alternative, Classes } from "./conditions";
import type { Source } from "./names-in-scope";
import type { Ownership } from "./ownership";
import type { Table } from "./schema";

/**
 * Whether a condition, true in this way, is so only for rows of a table that what was given names: the user
 * by their owner, a row by its key or by what it refers to, also by way of rows of other tables.
 * @param isGiven whether a value is none of a row that is read but what the condition is asked with.
 */
export function areNamed(
  { sources, equalities }: Alternative,
  { ownership, target, alias }: { ownership: Ownership; target: Table; alias: string },
  isGiven: (value: string) => boolean,
): boolean {
  const classes = new Classes(equalities);
  const values = equalities.flatMap(({ left, right }) => [left, right]);
  const given = values.filter((value) => value === theUser || isGiven(value));
  const links = ({ id, table }: Source) =>
    (table?.columns ?? [])
      .filter((column) => table && isLink(ownership, table, column.name))
      .map(({ name }) => `${id}.${name}`);
  const named = new Set<Source>();
  for (let before = -1; before < named.size;) {
    before = named.size;
    const known = [...given, ...[...named].flatMap(links)];
    for (const source of sources) {
      const isKnown = links(source).some((link) =>
        known.some((value) => classes.areEqual(link, value)),
      );
      if (isKnown) named.add(source);
    }
  }
  const written = sources.filter((source) => source.table === target && source.alias === alias);
  return written.length > 0 && written.every((source) => named.has(source));
}

function isLink(ownership: Ownership, table: Table, column: string): boolean {
  return ownership.ownersOf(table).includes(column) || ownership.isReference(table, column);
}
