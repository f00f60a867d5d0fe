import { claimSetters, isNamed, saysWho, setsClaims } from "../../conditions/claim-setters";
import type { JudgedSchema } from "../../model/judged-schema";
import { functionObject, partObject, quoteRole, roleObject } from "../../model/names";
import { functionCalls, policyTrees } from "../../sql/expressions";
import { type Findings, type Found, defineRule } from "../rule";

/** A session starts without a user. */
export const sessionSettingsRule = defineRule({
  name: "session-settings",
  code: "POL127",
  description: "No role, database, function or policy sets the claims or the role of a request.",
  severity: "critical",
  level: "mandatory",
  remediation: "Set claims in each transaction, from the token that the server has verified.",
  find: (judged) => [ofPolicies(judged), ofSessions(judged), ofFunctions(judged)],
});

function ofPolicies(judged: JudgedSchema): Findings {
  const setters = [...claimSetters(judged)];
  return judged.policies.map(({ table, policy }) => {
    const trees = policyTrees(policy);
    const calls = functionCalls(trees);
    const isSet =
      trees.some((tree) => setsClaims(tree, judged)) ||
      setters.some((item) => calls.some(({ schema, name }) => isNamed(item, schema, name)));
    if (!isSet) return undefined;
    const named = partObject("policy", policy.name, table);
    return {
      ...named,
      message: `${named.object} sets the claims of the request while it tests a row, by set_config or a function that calls it; claims must be set before the query`,
      remediation: "Compare the row with the signed-in user, and set nothing.",
    };
  });
}

function ofSessions(judged: JudgedSchema): Findings {
  return (judged.schema.settings ?? [])
    .filter(({ name }) => saysWho(name, judged))
    .map(({ role, name }) => {
      const where = role === null ? "the database" : `role ${role}`;
      const sql = role === null ? "database NAME" : `role ${quoteRole(role)}`;
      return {
        ...(role === null ? { kind: "database", object: "database" } : roleObject(role)),
        message: `${where} starts every session with ${name} set, which identifies the user of a request; only each transaction may set that`,
        remediation: `Write \`alter ${sql} reset "${name}";\`.`,
      } satisfies Found;
    });
}

function ofFunctions(judged: JudgedSchema): Findings {
  return judged.functions.flatMap((item) =>
    (item.settings ?? [])
      .filter((name) => saysWho(name, judged))
      .map((name) => {
        const named = functionObject(item);
        return {
          ...named,
          message: `${named.object} runs with ${name} set, which identifies the user of a request; only each transaction may set that`,
          remediation: `Write \`alter ${named.object} reset "${name}";\`.`,
        };
      }),
  );
}
