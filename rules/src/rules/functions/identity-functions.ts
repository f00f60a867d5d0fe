import { settingsRead, spell, untrustedSetting } from "../../conditions/identity";
import { type Contract, isIdentityFunction } from "../../model/contract";
import type { JudgedSchema } from "../../model/judged-schema";
import { functionObject } from "../../model/names";
import type { DatabaseFunction } from "../../model/schema";
import { functionCalls, nodesIn, parseExpression } from "../../sql/expressions";
import { functionBody } from "../../sql/function-body";
import { type Findings, defineRule } from "../rule";

/** The verified token alone says who is signed in, each time a function is called. */
export const identityFunctionsRule = defineRule({
  name: "identity-functions",
  code: "POL122",
  description:
    "The functions that identify the user of a request read only the verified claims, and no function that calls them is immutable.",
  severity: "critical",
  level: "mandatory",
  remediation: "Let them read the setting that carries the verified claims, and nothing else.",
  find: (judged) => [
    ...judged.contract.identityFunctions
      .flatMap((name) => judged.functionsNamed(name))
      .flatMap((item) => ofIdentity(item, judged.contract)),
    ...judged.functions.flatMap((item) => ofImmutable(item, judged)),
  ],
});

function ofIdentity(item: DatabaseFunction, contract: Contract): Findings {
  const reason = trusts(item, contract);
  if (reason === undefined) return [];
  const named = functionObject(item);
  return {
    ...named,
    message: `${named.object} ${reason}; the user must come from ${contract.claims.setting} alone`,
    remediation: `Let it read \`current_setting('${contract.claims.setting}', true)\` and nothing else.`,
  };
}

/** What a function takes an identity from that it must not, as a clause. */
function trusts(item: DatabaseFunction, contract: Contract): string | undefined {
  if (item.source === undefined || item.source === null) return undefined;
  const body = functionBody(item);
  if (!body || body.dynamic.length > 0) return "has a body that the rules cannot read";
  const calls = functionCalls(body.trees);
  const setting = untrustedSetting(calls, contract);
  if (setting !== undefined) return setting;
  const isIndirect = calls.some((call) => isIdentityFunction(call, contract));
  if (settingsRead(calls).length === 0 && !isIndirect)
    return "does not read the claims of the request";
  if (nodesIn(body.trees, "RangeVar").length > 0) return "reads a table";
  const words = nodesIn(body.trees, "A_Const").flatMap(({ A_Const: { sval } }) => sval?.sval ?? []);
  const written = words.find((word) => contract.userWrittenClaims.includes(word));
  const isUser = contract.identity.includes(`${item.schema}.${item.name}()`);
  // A function may be called what it reads.
  if (written !== undefined && written !== item.name) {
    return `trusts the claim ${written}, which users choose themselves`;
  }
  if (words.some((word) => /^[0-9a-f]{8}-[0-9a-f]{4}-/i.test(word)))
    return "names a user of its own choice";
  return isUser && !isIndirect && !words.includes(contract.claims.subject)
    ? `does not take the user from the claim ${contract.claims.subject}`
    : undefined;
}

/** PostgreSQL may evaluate an immutable function once, and give one user's answer to the next. */
function ofImmutable(item: DatabaseFunction, { contract }: JudgedSchema): Findings {
  if (item.volatility !== "immutable") return [];
  const identities = contract.identity.map((text) => spell(parseExpression(text)));
  const calls = functionCalls(functionBody(item)?.trees ?? []);
  const asks = calls.some(
    (call) =>
      isIdentityFunction(call, contract) ||
      identities.includes(`${call.schema ?? ""}.${call.name}()`),
  );
  if (!asks && settingsRead(calls).length === 0) return [];
  const named = functionObject(item);
  return {
    ...named,
    message: `${named.object} is immutable and depends on the signed-in user: its answer to one user may be kept for another; it must be stable`,
    remediation: `Write \`alter ${named.object} stable;\`.`,
  };
}
