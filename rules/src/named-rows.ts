import { theUser } from "./condition-values";
import { type Alternative, Classes } from "./conditions";
import { quoteName } from "./names";
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

/**
 * Whether a condition, true in this way, is so only for rows of a table that are the signed-in user's: by
 * their owner, as the row whose key was given, or, where a table has no owner, by what a foreign key leads to.
 * @param isUsersRow whether a value, as this column of a table, is known to name a row of the user.
 */
export function areUsers(
  { sources, equalities }: Alternative,
  { ownership, target, alias }: { ownership: Ownership; target: Table; alias: string },
  isUsersRow: (value: string, table: Table, column: string) => boolean,
): boolean {
  const classes = new Classes(equalities);
  const values = equalities.flatMap(({ left, right }) => [left, right]);
  const isOwn = ({ id, table }: Source) => {
    if (!table) return false;
    const owners = ownership.ownersOf(table);
    return (
      owners.some((owner) => classes.areEqual(`${id}.${owner}`, theUser)) ||
      ownership
        .keyColumns(table)
        .some((key) =>
          values.some(
            (value) => isUsersRow(value, table, key) && classes.areEqual(`${id}.${key}`, value),
          ),
        )
    );
  };
  const own = new Set<Source>(sources.filter(isOwn));
  const leadsTo = (source: Source, parent: Source) =>
    (source.table?.foreignKeys ?? []).some(
      ({ columns, table, references }) =>
        parent.table !== undefined &&
        quoteName(table) === quoteName(parent.table) &&
        columns.every((column, at) => {
          const key = references[at] ?? (parent.table?.keys ?? [])[0]?.[at] ?? "";
          return classes.areEqual(`${source.id}.${column}`, `${parent.id}.${key}`);
        }),
    );
  for (let before = -1; before < own.size;) {
    before = own.size;
    for (const source of sources) {
      const isChild = source.table && ownership.ownersOf(source.table).length === 0;
      if (isChild && [...own].some((parent) => leadsTo(source, parent))) own.add(source);
    }
  }
  const written = sources.filter((source) => source.table === target && source.alias === alias);
  return written.length > 0 && written.every((source) => own.has(source));
}

function isLink(ownership: Ownership, table: Table, column: string): boolean {
  return ownership.ownersOf(table).includes(column) || ownership.isReference(table, column);
}
