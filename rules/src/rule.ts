import type { Finding, Level, Origin, Schema } from "./schema";

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
  /** What is mandatory refuses a migration; what is advisory is only said. */
  level: Level;
  /** False where no reason is good enough to let it be broken. @default true */
  waivable?: boolean;
  /** What to do about a finding, in general; a finding says it for its object. */
  remediation: string;
  judge: (schema: Schema) => Finding[];
}

/** What a rule found of one object. */
export interface Found {
  object: string;
  /** What was found and what was required, without a full stop. */
  message: string;
  remediation: string;
  /** The statement that made or last changed it. */
  origin?: Origin | undefined;
}

/** Makes a rule of what it finds. */
export function defineRule({
  find,
  ...rule
}: Omit<Rule, "judge"> & { find: (schema: Schema) => Found[] }): Rule {
  const { name, code, level } = rule;
  return {
    ...rule,
    judge: (schema) =>
      find(schema).map(({ origin, ...found }) => ({
        rule: name,
        code,
        level,
        ...found,
        ...origin,
      })),
  };
}
