import { claimSetters, isNamed, saysWho, setsClaims } from "../../conditions/claim-setters";
import type { JudgedSchema } from "../../model/judged-schema";
import {
  type NamedObject,
  functionObject,
  partObject,
  quoteRole,
  roleObject,
} from "../../model/names";
import { functionCalls, policyTrees } from "../../sql/expressions";
import { type Findings, defineRule } from "../rule";

/** A session starts without a user. */
export const sessionSettingsRule = defineRule({
  name: "session-settings",
  code: "POL127",
  description: "No role, database, function or policy sets the claims or the role of a request.",
  severity: "critical",
  level: "mandatory",
  remediation: "Set claims in each transaction, from the token that the server has verified.",
  find: (judged) => [
    ofPolicies(judged),
    (judged.schema.settings ?? []).map(({ role, name }) =>
      role === null
        ? ofSetting(name, { kind: "database", object: "database" }, "database NAME", judged)
        : ofSetting(name, roleObject(role), `role ${quoteRole(role)}`, judged),
    ),
    judged.functions.map((item) => {
      const named = functionObject(item);
      return item.settings?.map((name) => ofSetting(name, named, named.object, judged));
    }),
  ],
});

/** @param sql the object as ALTER takes it. */
function ofSetting(name: string, named: NamedObject, sql: string, judged: JudgedSchema): Findings {
  if (!saysWho(name, judged)) return undefined;
  const { kind, object } = named;
  const how = kind === "function" ? "runs" : "starts every session";
  return {
    ...named,
    message: `${kind === "database" ? "the database" : object} ${how} with ${name} set, which identifies the user of a request; only each transaction may set that`,
    remediation: `Write \`alter ${sql} reset "${name}";\`.`,
  };
}

function ofPolicies(judged: JudgedSchema): Findings {
  const setters = [...claimSetters(judged)];
  return judged.policies.map(({ table, policy }) => {
    const trees = policyTrees(policy);
    const calls = functionCalls(trees);
    const isSet =
      trees.some((tree) => setsClaims(tree, judged)) ||
      setters.some((item) => calls.some(({ schema, name }) => isNamed(item, schema, name)));
    const named = partObject("policy", policy.name, table);
    return (
      isSet && {
        ...named,
        message: `${named.object} sets the claims of the request while it tests a row, by set_config or a function that calls it; claims must be set before the query`,
        remediation: "Compare the row with the signed-in user, and set nothing.",
      }
    );
  });
}
