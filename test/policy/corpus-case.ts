import { readFileSync } from "node:fs";
import { basename } from "node:path";

/** The two users of every case. */
export const userA = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
export const userB = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb";

/** What the cases stand on; most need the first alone, which is tried in half the time. */
const ground = ["000_existing_schema.sql", "001_add_missing_tables.sql"];

/** A migration of the corpus, and what shows whether it leaks. */
export interface CorpusCase {
  name: string;
  /** What is unsafe, or why it is not. */
  title: string;
  sql: string;
  /** Files of `sql/` that it stands on. */
  base: readonly string[];
  /** "rules", "trial" or "both"; undefined for a safe one. */
  refusedBy: string | undefined;
  /** The role that runs the migration. */
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

/** Reads a case: `-- field: value` lines, then the migration. */
export function readCase(kind: "unsafe" | "safe", path: string): CorpusCase {
  const text = readFileSync(path, "utf8");
  const header = /^(-- .*\n)+/.exec(text)?.[0] ?? "";
  const fields = new Map(
    header
      .trim()
      .split("\n")
      .map((line): [string, string] => {
        const [, name = "", value = ""] = /^-- ([a-z-]+): (.*)$/.exec(line) ?? [];
        return [name, value.replaceAll(":a", `'${userA}'`).replaceAll(":b", `'${userB}'`)];
      }),
  );
  const required = (name: string): string => {
    const value = fields.get(name);
    if (value === undefined) throw new Error(`${path} has no line \`-- ${name}: …\`.`);
    return value;
  };
  const [role = "", user = "", ...more] = required("as").split(" ");
  const sub = { a: userA, b: userB }[user];
  const further = more.length > 0 ? (JSON.parse(more.join(" ")) as object) : {};
  return {
    name: basename(path),
    title: required(kind),
    // The header stays: lines of findings are those of the file.
    sql: text,
    base: fields.get("on") === "001" ? ground : ground.slice(0, 1),
    refusedBy: fields.get("refused-by"),
    runBy: fields.get("run-by") ?? "migrator",
    rows: fields.get("rows"),
    role,
    claims: sub === undefined ? "" : JSON.stringify({ sub, role: "authenticated", ...further }),
    query: required("query"),
    proof: fields.get("proof"),
    returns: required("returns"),
  };
}
