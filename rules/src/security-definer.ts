import { everyone } from "./contract";
import { endUsers } from "./end-users";
import { definerProof } from "./definer-proof";
import { quoteName } from "./names";
import { defineRule } from "./rule";

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
      const who = item.executableBy.filter((role) => users.has(role));
      if (!item.securityDefiner || who.length === 0) return [];
      const reason = definerProof(schema, item);
      if (reason === undefined) return [];
      const object = `function ${quoteName(item)}(${item.arguments})`;
      const names = who.map((role) => (role === everyone ? "PUBLIC" : role)).join(", ");
      return [
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
