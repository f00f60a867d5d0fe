import { quoteName } from "./names";
import { type Found, defineRule } from "./rule";

const commands = ["select", "insert", "update", "delete"] as const;

/** Of two permissive policies both are evaluated, and the wider one counts. */
export const policyDuplicatesRule = defineRule({
  name: "policy-duplicates",
  code: "POL132",
  description: "For each role and command a table has one permissive policy.",
  severity: "low",
  level: "advisory",
  remediation: "Join them into one, so that what it lets through can be read in one place.",
  find: ({ tables }) =>
    tables.flatMap((table) => {
      const permissive = (table.policies ?? []).filter((policy) => policy.permissive);
      const seen = new Set<string>();
      return permissive
        .flatMap(({ roles }) => roles)
        .flatMap((role): Found[] => {
          if (seen.has(role)) return [];
          seen.add(role);
          const twice = commands.filter((command) => covering(command, role).length > 1);
          const [first] = twice;
          if (!first) return [];
          const names = covering(first, role).map(({ name }) => name);
          return [
            {
              object: quoteName(table),
              message: `${names.join(" and ")} of ${quoteName(table)} are permissive policies for ${twice.join(", ")} to ${role}, and the wider one counts; one is enough`,
              remediation: "Join them into one policy, or make one of them restrictive.",
              origin: covering(first, role).at(-1)?.origin ?? table.origin,
            },
          ];
        });
      function covering(command: (typeof commands)[number], role: string) {
        return permissive.filter(
          (policy) =>
            policy.roles.includes(role) && (policy.command === "all" || policy.command === command),
        );
      }
    }),
});
