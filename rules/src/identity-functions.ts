import type { Node } from "libpg-query";
import { claimsSetting, identityFunctions, identitySchema } from "./contract";
import { constantText, functionCalls, parseExpression } from "./expressions";
import { bodyQuery } from "./function-bodies";
import { quoteName } from "./names";
import { readPlPgSql } from "./plpgsql-steps";
import { defineRule } from "./rule";
import type { DatabaseFunction } from "./schema";

/** Who is signed in is what the verified token says. */
export const identityFunctionsRule = defineRule({
  name: "identity-functions",
  code: "POL122",
  description: "auth.uid(), auth.jwt() and auth.role() read the verified claims and nothing else.",
  severity: "critical",
  level: "mandatory",
  remediation: "Leave them as 000_existing_schema makes them.",
  find: ({ functions = [] }) =>
    functions.flatMap((item) => {
      if (item.schema !== identitySchema || !identityFunctions.includes(item.name)) return [];
      const reason = trusts(item);
      if (reason === undefined) return [];
      const object = `function ${quoteName(item)}(${item.arguments})`;
      return [
        {
          object,
          message: `${object} ${reason}; whom it names must come from ${claimsSetting} alone`,
          remediation: "Define it as 000_existing_schema does, in a migration of its own.",
          origin: item.origin,
        },
      ];
    }),
});

// The same few functions are judged with every migration.
const judged = new Map<string, string | undefined>();
const MOST_KEPT = 1_000;

/** What a function takes an identity from that it must not, as a clause. */
function trusts(item: DatabaseFunction): string | undefined {
  const { source, language, name } = item;
  if (source === undefined || source === null) return undefined;
  const key = JSON.stringify([language, name, source]);
  if (!judged.has(key)) {
    if (judged.size === MOST_KEPT) judged.clear();
    judged.set(key, trustsOf(item, source));
  }
  return judged.get(key);
}

function trustsOf(item: DatabaseFunction, source: string): string | undefined {
  const { language, name } = item;
  const trees = language === "plpgsql" ? expressionsOf(source) : [bodyQuery(item)];
  if (!trees || trees.some((tree) => tree === undefined))
    return "has a body that can not be proven";
  const calls = trees.flatMap((tree) => functionCalls(tree));
  const settings = calls.filter((call) => call.name === "current_setting");
  const other = settings.find((call) => constantText(call.args[0]) !== claimsSetting);
  if (other) {
    return `trusts the setting ${constantText(other.args[0]) ?? "of a name that is computed"}, which any session can set`;
  }
  const indirect = calls.some(
    (call) => call.schema === identitySchema && identityFunctions.includes(call.name),
  );
  if (settings.length === 0 && !indirect) return "does not read the claims of the request";
  const text = JSON.stringify(trees);
  if (/"fromClause"/.test(text)) return "reads a table";
  if (/user_meta/.test(text)) return "trusts user_metadata, which users write themselves";
  if (/'?[0-9a-f]{8}-[0-9a-f]{4}-/i.test(text)) return "names a user of its own choice";
  const keys = [...text.matchAll(/"sval":"(sub|role|email|user_id|uid|id|[a-z_]*user[a-z_]*)"/g)];
  const foreign = keys.map((match) => match[1]).find((key) => key !== "sub" && key !== "role");
  return name === "uid" && foreign !== undefined
    ? `takes the user from the claim ${foreign}, not from sub`
    : undefined;
}

/** Every expression and query of a PL/pgSQL body; undefined where it can not be read. */
function expressionsOf(body: string): (Node | undefined)[] | undefined {
  try {
    const statement = `create function f() returns uuid language plpgsql as ${quoted(body)}`;
    return readPlPgSql(statement, [], { newBranch: () => 0 })
      .filter(({ text }) => text.trim() !== "")
      .map(({ kind, text }) => (kind === "dynamic" ? undefined : parseExpression(text)));
  } catch {
    return undefined;
  }
}

function quoted(body: string): string {
  return `'${body.replaceAll("'", "''")}'`;
}
