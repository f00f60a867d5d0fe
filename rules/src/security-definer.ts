import { everyone } from "./contract";
import { endUsers } from "./end-users";
import { definerProof } from "./definer-proof";
import { quoteName } from "./names";
import { type Found, defineRule } from "./rule";
import type { DatabaseFunction, Schema, Trigger } from "./schema";
import { originOf } from "./trigger-origin";
import { triggerHole } from "./trigger-proof";

/** A function with its owner's rights is a door through every policy. */
export const securityDefinerRule = defineRule({
  name: "security-definer",
  code: "POL121",
  description: "End users can not execute a function that runs with its owner's rights.",
  severity: "critical",
  level: "mandatory",
  remediation:
    "Make it `security invoker`, or revoke its execution from end users and from PUBLIC.",
  find: (schema) => {
    const users = endUsers(schema);
    return (schema.functions ?? []).flatMap((item) => {
      const fired = firedHoles(schema, item);
      const who = [
        ...new Set([...item.executableBy, ...executorsOfAggregates(schema, item)]),
      ].filter((role) => users.has(role));
      if (!item.securityDefiner || who.length === 0) return fired;
      const reason = definerProof(schema, item);
      if (reason === undefined) return fired;
      const object = `function ${quoteName(item)}(${item.arguments})`;
      const names = who.map((role) => (role === everyone ? "PUBLIC" : role)).join(", ");
      return [
        ...fired,
        {
          object,
          message:
            `${object} is security definer and ${names} may execute it: ${reason}; end users must not ` +
            "execute what runs with another's rights, but for a test of the signed-in user's own rows",
          remediation: `Write \`revoke execute on ${object} from ${who.join(", ")};\`, or make it security invoker.`,
          origin: item.origin,
        },
      ];
    });
  },
});

/** Who executes an aggregate executes what it is made of, with the right of the aggregate's owner. */
function executorsOfAggregates({ functions = [] }: Schema, item: DatabaseFunction): string[] {
  return functions
    .filter(({ calls }) => calls?.some((call) => quoteName(call) === quoteName(item)))
    .flatMap(({ executableBy }) => executableBy);
}

/** End users execute a trigger's function by writing its table, whoever has the right to execute it. */
function firedHoles(schema: Schema, item: DatabaseFunction): Found[] {
  if (!item.securityDefiner) return [];
  const fires = ({ function: called }: Trigger) => quoteName(called) === quoteName(item);
  return (schema.triggers ?? []).filter(fires).flatMap((trigger) => {
    const hole = triggerHole(schema, item, trigger);
    if (!hole) return [];
    const object = `trigger ${trigger.name} on ${quoteName(trigger.relation)}`;
    return [
      {
        object,
        message:
          `${object} runs ${quoteName(item)}() with its owner's rights when end users write: ${hole.reason}; ` +
          "what it writes must be for the signed-in user",
        remediation:
          hole.remediation ??
          `Let ${quoteName(item)}() read and write rows of (select auth.uid()) alone, or make it ` +
            "security invoker.",
        origin: originOf(trigger, item),
      },
    ];
  });
}
