import { splitStatements } from "@app-data/rules";
import { parsePlPgSQLSync } from "libpg-query";
import type { SqlFile } from "../../files/trio";

// What may stand before `create`, and what `create` may be followed by.
const CREATE = /^((?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*create\s+)(?:or\s+replace\s+)?/i;

/**
 * The statements of migrations that make functions and procedures, also those in `do` blocks, in order:
 * for each name with its schema (`auth.uid`) all of its statements, as `create or replace`.
 */
export async function functionStatements(
  files: readonly SqlFile[],
): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const { file, sql } of files) {
    for (const { text, tree } of await splitStatements(sql, file)) {
      const texts = "DoStmt" in tree ? statementsOf(text) : [text];
      for (const candidate of texts.filter((each) => CREATE.test(each))) {
        const name = await functionName(candidate, file);
        if (name === undefined) continue;
        const statement = candidate.replace(CREATE, "$1or replace ");
        found.set(name, [...(found.get(name) ?? []), statement]);
      }
    }
  }
  return found;
}

/** The name, with its schema, of the function that a statement makes; undefined for any other. */
async function functionName(statement: string, file: string): Promise<string | undefined> {
  const [first] = await splitStatements(statement, file);
  if (!first || !("CreateFunctionStmt" in first.tree)) return undefined;
  const names = (first.tree.CreateFunctionStmt.funcname ?? []).map((node) =>
    "String" in node ? (node.String.sval ?? "") : "",
  );
  // Without its schema a name may mean another function than it did.
  return names.length === 2 ? names.join(".") : undefined;
}

/** The SQL statements in a `do` block; those that it puts together as it runs are not among them. */
function statementsOf(block: string): string[] {
  try {
    return queriesIn(parsePlPgSQLSync(block));
  } catch {
    // A block in another language.
    return [];
  }
}

function queriesIn(node: unknown): string[] {
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([key, value]: [string, unknown]) =>
    key === "query" && typeof value === "string" ? [value] : queriesIn(value),
  );
}
