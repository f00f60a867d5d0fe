import type { Fact, Json } from "../../catalog";

/**
 * What drift does to who may see or do what: `widened` is more than the migrations allow, or may be;
 * `tightened` is less; `neutral` is neither. It tells of access, not of whether data stays correct.
 */
export type DriftClass = "widened" | "tightened" | "neutral";

/** One thing in the live catalog that is not as the migrations made it. */
export interface Drift {
  /** Key of the object in the catalog: `table public.users`. */
  object: string;
  /** Whether the object is there and differs, is not there, or is there and should not be. */
  kind: "changed" | "gone" | "added";
  /** What differs, as a clause without a full stop. */
  what: string;
  classification: DriftClass;
  /** Whether the next `up` repairs it by itself. */
  healable: boolean;
  /** What repairs it: what `up` will do, or what a person has to. */
  remedy: string;
  /**
   * SQL that repairs it, made of the expected fact, which is what PostgreSQL itself made of the
   * migrations' SQL. Empty when a person has to, or when {@link fromMigration}.
   */
  statements: string[];
  /** The catalog holds only a digest of it, so the migration's own statement has to run again. */
  fromMigration: boolean;
}

/** How a drift is repaired. */
export type Fix = { statements: string[] } | "migration" | { person: string };

/** What is compared, and how sentences and SQL name it. */
export interface Subject {
  key: string;
  /** As sentences name it: "public.users", "function auth.uid()". */
  label: string;
  /** As SQL names it after `alter`, `comment on` and `grant … on`: "table public.users". */
  clause: string;
}

/** Makes a drift. */
export function drift(
  object: string,
  kind: Drift["kind"],
  classification: DriftClass,
  what: string,
  fix: Fix,
): Drift {
  // The server prints some definitions on several lines.
  const facts = { object, kind, what: what.replace(/\s+/g, " "), classification };
  if (fix === "migration") {
    const remedy = "The next up runs the migration's statement again.";
    return { ...facts, healable: true, remedy, statements: [], fromMigration: true };
  }
  if ("person" in fix) {
    const remedy = fix.person;
    return { ...facts, healable: false, remedy, statements: [], fromMigration: false };
  }
  const { statements } = fix;
  const remedy = `The next up heals it: ${statements.map((statement) => `${statement};`).join(" ")}`;
  return { ...facts, healable: true, remedy, statements, fromMigration: false };
}

/** A text field of a fact; empty when it is absent. */
export function text(fact: Fact, field: string): string {
  const value = fact[field];
  return typeof value === "string" ? value : "";
}

/** A field of a fact that is a list of texts; empty when it is absent. */
export function texts(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** A field of a fact that is an object; empty when it is absent. */
export function fields(value: Json | undefined): Fact {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

/** What the first list has and the second has not. */
export function without(list: string[], others: string[]): string[] {
  return list.filter((item) => !others.includes(item));
}

/** A name as SQL needs it; always quoted, because a name can be a keyword. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A role as SQL needs it. */
export function quoteRole(name: string): string {
  return name === "public" ? name : quoteIdentifier(name);
}

/** A text as SQL needs it; null as `null`. */
export function quoteText(value: string | null): string {
  if (value === null) return "null";
  const quoted = `'${value.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
  return value.includes("\\") ? `E${quoted}` : quoted;
}
