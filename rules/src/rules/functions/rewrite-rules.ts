import { partObject } from "../../model/names";
import { defineRule } from "../rule";

/** A rewrite rule reads and writes with the rights of its table's owner. */
export const rewriteRulesRule = defineRule({
  name: "rewrite-rules",
  code: "POL126",
  description: "No table or view has a rewrite rule that runs statements of its own.",
  severity: "high",
  level: "mandatory",
  remediation: "Use a trigger, which runs after policies have been checked.",
  find: ({ tables, views }) =>
    [...tables, ...views].flatMap((relation) =>
      (relation.rewriteRules ?? []).map((rule) => {
        const named = partObject("rule", rule, relation);
        return {
          ...named,
          message: `${named.object} runs statements with the rights of the table's owner, past the policies of the role that writes; there must be none`,
          remediation: `Write \`drop ${named.object};\` and use a trigger.`,
        };
      }),
    ),
});
