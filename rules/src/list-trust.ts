import { isConstant } from "./condition-nodes";
import type { Table } from "./schema";
import type { WayLinks } from "./way-links";

/** What a condition asks of a list's row besides who is in it and where: `role = 'teacher'`. */
export interface Trust {
  /** Columns whose values may decide. */
  tested: readonly string[];
  /** The value that a column has to have. */
  values: ReadonlyMap<string, string>;
}

/** Types whose constants are equal only where they are written alike. */
const plainTypes = /^(text|varchar|character varying|bool|boolean)\b/;

/** What a condition, true in this way, asks of one of the rows that it reads. */
export function trustIn(way: WayLinks, id: number): Trust {
  const tested = way.sources.find((source) => source.id === id)?.tested ?? [];
  const values = new Map<string, string>();
  for (const column of tested) {
    const value = way.constantOf(id, column);
    if (value !== undefined) values.set(column, value);
  }
  return { tested, values };
}

/** Whether the row of a list, written in this way, is none that is trusted: a column has another value. */
export function isOther({ columns = [] }: Table, way: WayLinks, { values }: Trust): boolean {
  return columns.some(({ name, type }) => {
    const wanted = values.get(name);
    const written = way.constantOf(0, name);
    if (wanted === undefined || written === undefined || !plainTypes.test(type)) return false;
    return isConstant(wanted) && wanted[0] === written[0] && wanted !== written;
  });
}
