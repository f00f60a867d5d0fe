import type { Node } from "libpg-query";
import { claimSetters } from "../../conditions/claim-setters";
import { ownQueryOf } from "../../conditions/inlining";
import { subQuery } from "../../conditions/sub-queries";
import { valueWithoutRows } from "../../conditions/syntax";
import { readsOwnRows } from "../../conditions/tied-rows";
import { isIdentityFunction } from "../../model/contract";
import { type JudgedSchema, listRoles } from "../../model/judged-schema";
import { functionObject, isSame, partObject, quoteName, quoteRole } from "../../model/names";
import type { DatabaseFunction, Trigger } from "../../model/schema";
import { constantText, functionCalls, identifiers, readCall } from "../../sql/expressions";
import { type FunctionBody, functionBody, parametersOf } from "../../sql/function-body";
import { type Findings, type Found, defineRule } from "../rule";

/** A function with its owner's rights is a door through every policy; the trial tries what is behind it. */
export const securityDefinerRule = defineRule({
  name: "security-definer",
  code: "POL121",
  description:
    "A security definer function that end users reach runs no SQL that they pass in, and sets no claims.",
  severity: "critical",
  level: "mandatory",
  remediation:
    "Make it `security invoker`, or revoke its execution from end users and from PUBLIC.",
  find: (judged) =>
    judged.functions
      .filter(({ securityDefiner }) => securityDefiner)
      .map((item) => [ofCallers(item, judged), ofTriggers(item, judged)]),
});

function ofCallers(item: DatabaseFunction, judged: JudgedSchema): Findings {
  const who = executorsOf(item, judged);
  const isTrigger = item.returns === "trigger";
  if (who.length === 0 || (isTrigger && judged.contract.platformGrants)) return [];
  const named = functionObject(item);
  const hole = isTrigger
    ? "anyone who can make a temporary table can run it on rows of their own"
    : holeIn(item, judged);
  if (hole === undefined && isOwn(item, judged)) return [];
  return {
    ...named,
    message: `${named.object} is security definer and ${listRoles(who)} may execute it: ${hole ?? "the rules cannot tell whose rows it reads and writes"}`,
    remediation: hole
      ? `Write \`revoke execute on ${named.object} from ${who.map(quoteRole).join(", ")};\`, or make it security invoker.`
      : "The trial calls it: `npm run policy`.",
    ...(hole === undefined && { unknown: true }),
  };
}

/** End users run a trigger's function by writing its table, whoever has the right to execute it. */
function ofTriggers(item: DatabaseFunction, judged: JudgedSchema): Findings {
  return judged
    .triggersOf(item)
    .filter((trigger) => isFired(trigger, judged))
    .map((trigger): Found => {
      const named = partObject("trigger", trigger.name, trigger.relation);
      const hole = holeIn(item, judged);
      return {
        ...named,
        message: `${named.object} runs ${quoteName(item)}() with its owner's rights when end users write: ${hole ?? "the rules cannot tell what it reads and writes"}`,
        remediation: hole
          ? `Make ${quoteName(item)}() security invoker, or let it neither run texts from rows nor set claims.`
          : "The trial fires it: `npm run policy`.",
        ...(hole === undefined && { unknown: true }),
      };
    });
}

function isFired({ relation }: Trigger, judged: JudgedSchema): boolean {
  const table = judged.table(relation);
  const view = judged.views.find((one) => isSame(one, relation));
  return table ? judged.canWrite(table) : view !== undefined && judged.mayWrite(view);
}

/** Who executes an aggregate executes what it is made of, with the right of the aggregate's owner. */
function executorsOf(item: DatabaseFunction, { functions, endUsers }: JudgedSchema): string[] {
  const aggregates = functions.filter(({ calls }) => calls?.some((call) => isSame(call, item)));
  const all = [item, ...aggregates].flatMap(({ executableBy }) => executableBy);
  return [...new Set(all)].filter((role) => endUsers.has(role));
}

/** Functions that give nothing but what they are given. */
const plain = /^(count|sum|min|max|avg|bool_and|bool_or|current_setting)$|_agg$/;

/** Whether it is one query that reads rows of the signed-in user alone. */
function isOwn(item: DatabaseFunction, judged: JudgedSchema): boolean {
  const select = ownQueryOf(item, judged);
  const value = valueWithoutRows(select);
  const query = (value && subQuery(value)?.select) ?? select;
  const areRead = functionCalls(query).every((call) =>
    call.schema === undefined ? plain.test(call.name) : isIdentityFunction(call, judged.contract),
  );
  return query !== undefined && areRead && readsOwnRows(query, judged);
}

/** What no trial needs to show, as a clause. */
function holeIn(item: DatabaseFunction, judged: JudgedSchema): string | undefined {
  if (claimSetters(judged).has(item)) {
    return "it sets the claims or the role of the request, and so acts for any user that it names";
  }
  const body = functionBody(item);
  const given = body?.dynamic.flatMap((tree) => textOfCaller(tree, item, body))[0];
  return given === undefined ? undefined : `it runs ${given} as SQL, which its caller chooses`;
}

/** The parameters, or columns of a new row, that become part of a text of SQL unquoted. */
function textOfCaller(node: Node, item: DatabaseFunction, body: FunctionBody, depth = 0): string[] {
  if ("ColumnRef" in node) {
    const names = identifiers(node.ColumnRef.fields ?? []);
    const [name = ""] = names;
    if (names.length === 2) return name === "new" || name === item.name ? [names.join(".")] : [];
    const isText = /^(text|character varying|name)(\[\])?$/;
    if (parametersOf(item).some((one) => one.name === name && isText.test(one.type))) return [name];
    const values = depth < 5 ? (body.assigned.get(name) ?? []) : [];
    return values.flatMap((value) => textOfCaller(value, item, body, depth + 1));
  }
  if ("ParamRef" in node) return [`$${node.ParamRef.number ?? 0}`];
  if ("FuncCall" in node) {
    const { name, args } = readCall(node.FuncCall);
    if (name.startsWith("quote_")) return [];
    const [text, ...values] = args;
    const isFormat = name === "format" && constantText(text) !== undefined;
    const kinds = [...(constantText(text) ?? "").matchAll(/%(?:\d+\$)?([ILs])/g)];
    const unquoted = isFormat ? values.filter((_, at) => kinds[at]?.[1] === "s") : args;
    return unquoted.flatMap((arg) => textOfCaller(arg, item, body, depth));
  }
  if ("TypeCast" in node) {
    const { arg, typeName } = node.TypeCast;
    // The text of a regclass or a number is a name or a number.
    const type = identifiers(typeName?.names ?? []).at(-1) ?? "";
    return arg && /^(text|varchar|name)$/.test(type) ? textOfCaller(arg, item, body, depth) : [];
  }
  if (!("A_Expr" in node)) return [];
  const { lexpr, rexpr } = node.A_Expr;
  return [lexpr, rexpr].flatMap((side) => (side ? textOfCaller(side, item, body, depth) : []));
}
