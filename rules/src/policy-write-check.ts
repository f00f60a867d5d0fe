import { findUnconfined } from "./policy-confinement";
import { defineRule } from "./rule";

/** What a user writes is their own: nothing is given away, nothing written for another. */
export const policyWriteCheckRule = defineRule({
  name: "policy-write-check",
  code: "POL111",
  description: "No permissive policy lets an end user write a row for somebody else.",
  severity: "critical",
  level: "mandatory",
  remediation:
    "Write the owner test into `with check`, too, or leave `with check` out where `using` holds it.",
  find: (schema) => findUnconfined(schema, "check"),
});
