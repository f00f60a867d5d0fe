import { policiesThatSetClaims } from "./claims-setters";
import { quoteName } from "./names";
import { defineRule } from "./rule";
import type { SessionSetting } from "./schema";

/** Settings that say who makes a request, or what its names mean. */
const dangerous = /^(request\.|role$|session_authorization$|row_security$|search_path$)/;

/** A session starts as nobody, with no names of its own. */
export const sessionSettingsRule = defineRule({
  name: "session-settings",
  code: "POL127",
  description:
    "No role, database, function or policy sets claims, a role or the search path of a request.",
  severity: "critical",
  level: "mandatory",
  remediation: "Set claims in each transaction, from the token that the server has verified.",
  find: (schema) => [
    ...policiesThatSetClaims(schema),
    ...(schema.settings ?? []).filter(isDangerous).map(({ role, name, origin }) => {
      const where = role === null ? "the database" : `role ${role}`;
      return {
        object: role === null ? "database" : where,
        message: `${where} starts every session with ${name} set, which says who makes a request; only the transaction itself must say that`,
        remediation: `Write \`alter ${role === null ? "database …" : where} reset "${name}";\`.`,
        origin,
      };
    }),
    ...(schema.functions ?? []).flatMap((item) =>
      (item.settings ?? [])
        .filter((name) => name.startsWith("request.") || name === "role")
        .map((name) => ({
          object: `function ${quoteName(item)}(${item.arguments})`,
          message: `function ${quoteName(item)}(${item.arguments}) runs with ${name} set, which says who makes a request; only the transaction itself must say that`,
          remediation: `Write \`alter function ${quoteName(item)}(${item.arguments}) reset "${name}";\`.`,
          origin: item.origin,
        })),
    ),
  ],
});

/** The stack pins the search path of its own roles, which is no danger to a catalog that it made. */
function isDangerous({ name, origin }: SessionSetting): boolean {
  return dangerous.test(name) && (name !== "search_path" || origin !== undefined);
}
