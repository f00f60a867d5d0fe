import type { Finding, Schema } from "./schema";

/** How much harm comes of breaking a rule. */
export type Severity = "low" | "medium" | "high" | "critical";

/** One thing that must hold of a schema, whatever the schema was read from. */
export interface Rule {
  /** Kebab-case; the rule's page is `docs/policies/NAME.md`. */
  name: string;
  /** `POL…`, unique, in every message. */
  code: string;
  /** What must hold, in one sentence. */
  description: string;
  severity: Severity;
  /** What to do about a finding, in general; a finding says it for its object. */
  remediation: string;
  judge: (schema: Schema) => Finding[];
}
