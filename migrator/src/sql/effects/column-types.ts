import type { Retype } from "./effect";

/** A type as `pg_attribute` has it. */
export interface ColumnType {
  /** `typname`. */
  type: string;
  /** `atttypmod`, -1 for none. */
  modifier: number;
}

/** What `atttypmod` adds to the length of a `varchar`, and to the packed precision of a `numeric`. */
const HEADER = 4;

/**
 * Whether a column can get a new type while its rows stay as they are: to the same type or a wider one
 * that is stored alike. Others are rewritten, as far as PostgreSQL 17's `ATColumnChangeRequiresRewrite`
 * goes; an own expression always is.
 */
export function keepsStorage(now: ColumnType, { type, modifiers, using }: Retype): boolean {
  if (using) return false;
  const [first, second = 0] = modifiers;
  switch (type) {
    case "text":
      return now.type === "text" || now.type === "varchar";
    case "varchar":
      if (now.type !== "varchar" && now.type !== "text") return false;
      return first === undefined || (now.modifier >= 0 && now.modifier - HEADER <= first);
    case "numeric": {
      if (now.type !== "numeric") return false;
      if (first === undefined) return true;
      if (now.modifier < 0) return false;
      const packed = now.modifier - HEADER;
      return (packed & 0x7ff) === second && packed >> 16 <= first;
    }
    case "timestamp":
    case "timestamptz":
    case "time":
    case "timetz":
    case "varbit":
      if (now.type !== type) return false;
      return first === undefined || (now.modifier >= 0 && now.modifier <= first);
    default:
      return now.type === type && now.modifier === -1 && modifiers.length === 0;
  }
}
