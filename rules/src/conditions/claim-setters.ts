import type { Node } from "libpg-query";
import type { JudgedSchema } from "../model/judged-schema";
import { isSame } from "../model/names";
import type { DatabaseFunction } from "../model/schema";
import { type Call, constantText, functionCalls, nodesIn } from "../sql/expressions";
import { functionBody } from "../sql/function-body";

/** Whether a tree sets a claim, a trusted setting or the role of the request by itself. */
export function setsClaims(tree: Node, judged: JudgedSchema): boolean {
  const byCall = functionCalls(tree).some(
    ({ schema = "pg_catalog", name, args }) =>
      schema === "pg_catalog" && name === "set_config" && saysWho(constantText(args[0]), judged),
  );
  const bySet = nodesIn(tree, "VariableSetStmt").some(({ VariableSetStmt: { name = "" } }) =>
    saysWho(name, judged),
  );
  return byCall || bySet;
}

const known = new WeakMap<JudgedSchema, ReadonlySet<DatabaseFunction>>();

/** The functions that set them, or call one that does. */
export function claimSetters(judged: JudgedSchema): ReadonlySet<DatabaseFunction> {
  const setters = known.get(judged) ?? new Set(findSetters(judged));
  known.set(judged, setters);
  return setters;
}

function findSetters(judged: JudgedSchema): Set<DatabaseFunction> {
  const setters = new Set<DatabaseFunction>();
  const calls = new Map<DatabaseFunction, Call[]>();
  for (const item of judged.functions) {
    const { trees = [], dynamic = [] } = functionBody(item) ?? {};
    calls.set(item, functionCalls([...trees, ...dynamic]));
    const texts = nodesIn(dynamic, "A_Const").map(({ A_Const: { sval } }) => sval?.sval ?? "");
    const sets = texts.some((text) => {
      const setting = /\bset\s+(?:local\s+|session\s+)?"?([\w.]+)/i.exec(text)?.[1];
      return setting !== undefined && saysWho(setting, judged);
    });
    if (sets || [...trees, ...dynamic].some((tree) => setsClaims(tree, judged))) setters.add(item);
  }
  for (const setter of setters) {
    for (const [item, made] of calls) {
      if (made.some(({ schema, name }) => isNamed(setter, schema, name))) setters.add(item);
    }
  }
  return setters;
}

/** Whether a call may mean a function; an unqualified name may mean one of any schema. */
export function isNamed(item: DatabaseFunction, schema: string | undefined, name: string): boolean {
  return isSame(item, { schema: schema ?? item.schema, name });
}

/** Whether a setting says who makes a request; a name that is computed may be any. */
export function saysWho(setting: string | undefined, { contract }: JudgedSchema): boolean {
  if (setting === undefined) return true;
  const name = setting.toLowerCase();
  return (
    ["role", "session_authorization", "row_security"].includes(name) ||
    [contract.claims.setting, ...contract.trustedSettings].includes(name) ||
    name.startsWith(`${contract.claims.setting.split(".")[0] ?? ""}.`)
  );
}
