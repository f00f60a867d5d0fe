import { readFileSync } from "node:fs";
import { basename } from "node:path";

/** The users of the cases. A case that needs the third enters them itself, in its rows. */
export const userA = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
export const userB = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb";
const userC = "cccccccc-cccc-4ccc-8ccc-cccccccccccc";

/** What the cases stand on; most need the first alone, which is tried in half the time. */
export const baseMigrations = ["000_existing_schema.sql", "001_add_missing_tables.sql"] as const;

/** A migration of the corpus, and what shows whether it leaks. */
export interface CorpusCase {
  name: string;
  /** What is unsafe, or why it is not. */
  title: string;
  sql: string;
  /** Files of `sql/` that it stands on. */
  base: readonly string[];
  /** Tables whose rows the contract shares, as `schema.table`. */
  sharedTables: string[];
  /** Settings that the contract trusts. */
  trustedSettings: string[];
  /** The role that runs the migration, or "superuser". */
  runBy: string;
  /** Run as superuser after the migration. */
  rows: string | undefined;
  role: string;
  /** The value of `request.jwt.claims`. */
  claims: string;
  /** Run as {@link role}; its last value, or that of {@link proof}, must be {@link returns}. */
  query: string;
  /** Run as superuser after the query. */
  proof: string | undefined;
  returns: string;
}

/** Whether a text begins with the header of a case. */
export function isCase(text: string): boolean {
  return /^-- (?:un)?safe: /.test(text);
}

/** Reads a case: `-- field: value` lines, then the migration. A field may have several lines. */
export function readCase(kind: "unsafe" | "safe", path: string): CorpusCase {
  const text = readFileSync(path, "utf8");
  const fields = readHeader(text);
  const required = (name: string): string => {
    const value = fields.get(name);
    if (value === undefined) throw new Error(`${path} has no line \`-- ${name}: …\`.`);
    return value;
  };
  const list = (name: string): string[] => fields.get(name)?.split(/[\s,]+/) ?? [];
  const [role = "", user = "", ...more] = required("as").split(" ");
  const sub = { a: userA, b: userB, c: userC }[user];
  const further = more.length > 0 ? (JSON.parse(more.join(" ")) as object) : {};
  return {
    name: basename(path),
    title: required(kind),
    // The header stays: lines of findings are those of the file.
    sql: text,
    base: baseMigrations.slice(0, fields.get("on") === "001" ? 2 : 1),
    sharedTables: list("shares"),
    trustedSettings: list("trusts"),
    runBy: fields.get("run-by") ?? "migrator",
    rows: fields.get("rows"),
    role,
    claims: sub === undefined ? "" : JSON.stringify({ sub, role: "authenticated", ...further }),
    query: required("query"),
    proof: fields.get("proof"),
    returns: required("returns"),
  };
}

function readHeader(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  const header = /^(-- .*\n)+/.exec(text)?.[0] ?? "";
  for (const line of header.trim().split("\n")) {
    const [, name, value] = /^-- ([a-z-]+): (.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    const before = fields.get(name);
    const filled = value
      .replaceAll(/(?<!:):a\b/g, `'${userA}'`)
      .replaceAll(/(?<!:):b\b/g, `'${userB}'`)
      .replaceAll(/(?<!:):c\b/g, `'${userC}'`);
    fields.set(name, before === undefined ? filled : `${before}\n${filled}`);
  }
  return fields;
}
