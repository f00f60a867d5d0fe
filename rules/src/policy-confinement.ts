import type { Node } from "libpg-query";
import { statementsOf } from "./body-statements";
import { identityFunctions, identitySchema } from "./contract";
import { onlyCountsIn } from "./counted-changes";
import { type Call, functionCalls } from "./expressions";
import { forgery } from "./forged-rows";
import { calledFunction, expressionTree } from "./function-bodies";
import { isIdentity } from "./identity-expressions";
import { quoteName } from "./names";
import { type OwnerProof, type Verdict, ownerProof } from "./owner-proof";
import { expressionOf } from "./policy-parts";
import { type Found, defineRule } from "./rule";
import type { DatabaseFunction, RowPolicy, Schema, Table } from "./schema";

/** What a user reads, changes or deletes is their own. */
export const policyConfinementRule = defineRule({
  name: "policy-confinement",
  code: "POL110",
  description: "No permissive policy shows an end user a row of somebody else.",
  severity: "critical",
  level: "mandatory",
  remediation: "Compare the row's owner with the signed-in user: `(select auth.uid()) = user_id`.",
  find: (schema) => findUnconfined(schema, "using"),
});

type Open = Exclude<Verdict, { kind: "safe" }>;

/** Finds policies whose expression does not provably confine end users to their own rows. */
export function findUnconfined(schema: Schema, part: "using" | "check"): Found[] {
  const proof = ownerProof(schema);
  return schema.tables.flatMap((table) =>
    (table.policies ?? []).flatMap((policy) => {
      if (!policy.permissive || !proof.bindsUsers(table, policy)) return [];
      const forged = part === "check" ? forgery(table, policy, proof) : undefined;
      if (forged !== undefined) {
        return [describe(table, policy, part, { kind: "hole", reason: forged }, proof)];
      }
      // A `with check` that is left out is the `using`, which is judged already.
      if (part === "check" && policy.check === null) return [];
      const shown = part === "using" ? ofOthers(table, proof) : undefined;
      if (shown) return [describe(table, policy, part, shown, proof)];
      if (part === "using" && isSharedReference(schema, proof, table, policy)) return [];
      const verdict = proof.judgePolicy(table, policy, part);
      return verdict.kind === "safe" ? [] : [describe(table, policy, part, verdict, proof)];
    }),
  );
}

/** A table shows the rows of its children under its own policies, which know only its own columns. */
function ofOthers(table: Table, { ownership }: OwnerProof): Open | undefined {
  const owners = ownership.ownersOf(table);
  const isFree = ownership.isOwnerless(table);
  const child = ownership
    .descendantsOf(table)
    .find(
      (other) =>
        ownership.ownersOf(other).join() !== owners.join() ||
        (isFree && !ownership.isOwnerless(other)),
    );
  if (!child) return undefined;
  const reason = `it holds for the rows of ${quoteName(child)} as well, whose owner it does not know`;
  return { kind: "hole", reason };
}

/** A table that nobody's rows are in, which signed-in users may read and only others write. */
function isSharedReference(
  schema: Schema,
  proof: OwnerProof,
  table: Table,
  { command, roles, using }: RowPolicy,
): boolean {
  if (command !== "select" || roles.includes("public") || roles.includes("anon")) return false;
  const tree = using === null ? undefined : expressionTree(using);
  if (!tree || singlesOut(tree, schema)) return false;
  if (proof.canWrite(table) || !proof.ownership.isOwnerless(table)) return false;
  return !(schema.functions ?? []).some((item) => brings(item, table, proof));
}

/**
 * Whether a condition tells users apart: who compares a row with the user, or looks elsewhere, says that
 * the rows are not for everybody.
 */
function singlesOut(node: Node, schema: Schema): boolean {
  if ("BoolExpr" in node) return (node.BoolExpr.args ?? []).some((arg) => singlesOut(arg, schema));
  if ("NullTest" in node && node.NullTest.arg && isIdentity(node.NullTest.arg)) return false;
  const text = JSON.stringify(node);
  const calls = functionCalls(node);
  if (text.includes('"fromClause"')) return true;
  const isOfSession = ({ schema: where, name }: Call) =>
    (where === identitySchema && identityFunctions.includes(name)) || name === "current_setting";
  if (calls.some((call) => !isOfSession(call) && calledFunction(schema, call))) return true;
  const asks = calls.some(isOfSession) || /"SVFOP_\w*(USER|ROLE)"/.test(text);
  return asks && text.includes('"ColumnRef"');
}

/** Whether a function may copy rows into a table, and not only count in it: whose they are is not known then. */
function brings(item: DatabaseFunction, table: Table, { ownership }: OwnerProof): boolean {
  const { source } = item;
  if (!source?.includes(table.name) || !/\b(insert|update|merge)\b/i.test(source)) return false;
  const body = statementsOf(item);
  return !body || !onlyCountsIn(body, table, ownership);
}

function describe(
  table: Table,
  policy: RowPolicy,
  part: "using" | "check",
  verdict: Open,
  { ownership, users }: OwnerProof,
): Found {
  const object = `policy ${policy.name} on ${quoteName(table)}`;
  const who = policy.roles.filter((role) => users.has(role)).join(", ") || policy.roles.join(", ");
  const clause = part === "using" ? "using" : "with check";
  const expression = (expressionOf(policy, part) ?? "").replace(/\s+/g, " ").trim();
  const certainty = verdict.kind === "hole" ? "lets" : "can not be proven not to let";
  const reach = part === "using" ? "reach rows of other users" : "write rows for other users";
  const owner = ownership.ownersOf(table)[0];
  return {
    object,
    message:
      `${object} ${certainty} ${who} ${reach}: in \`${clause} (${expression})\` ${verdict.reason}; ` +
      "every way in which it is true must make the signed-in user the row's owner",
    remediation:
      verdict.kind === "hole" && verdict.remedy !== undefined
        ? verdict.remedy
        : owner
          ? `Write \`${clause} ((select auth.uid()) = ${owner})\`, with further conditions joined by \`and\`.`
          : "Give the table a `user_id` that references public.users (id), or ask by an `exists` for the " +
            "parent row with this key and with `(select auth.uid())` as its owner.",
    origin: policy.origin ?? table.origin,
  };
}
