import { type Contract, defaultContract } from "../model/contract";
import { JudgedSchema } from "../model/judged-schema";
import type { NamedObject } from "../model/names";
import type { Finding, Level, Schema } from "../model/schema";

/** How much harm comes of breaking a rule. */
export type Severity = "low" | "medium" | "high" | "critical";

/** One thing that must hold of a schema. */
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
  /** The parser has to be loaded. */
  judge: (schema: Schema, contract?: Contract) => Finding[];
}

/** What a rule found of one object. */
export interface Found extends NamedObject {
  /** What was found and what was required, without a full stop. */
  message: string;
  /** @default what the rule says in general */
  remediation?: string;
  /** The rule cannot tell: it is advice until the trial has tried it. */
  unknown?: true;
}

/** Findings, as deep in lists as they were found, and in place of each that there is not, nothing. */
export type Findings = Found | "" | false | undefined | readonly Findings[];

interface Definition extends Omit<Rule, "judge"> {
  /** It is about rights that a platform may grant by default, and says nothing where it does. */
  judgesPlatformGrants?: true;
  find: (judged: JudgedSchema) => Findings;
}

/** Makes a rule of what it finds. */
export function defineRule({ find, judgesPlatformGrants, ...rule }: Definition): Rule {
  const { name, code, remediation } = rule;
  return {
    ...rule,
    judge: (schema, contract = defaultContract) => {
      if (judgesPlatformGrants && contract.platformGrants) return [];
      return listOf(find(judgedSchema(schema, contract))).map((found) => {
        const level = found.unknown ? "advisory" : rule.level;
        return { rule: name, code, level, remediation, ...found };
      });
    },
  };
}

function listOf(findings: Findings): Found[] {
  if (!findings) return [];
  return "object" in findings ? [findings] : findings.flatMap(listOf);
}

// All rules judge the same schema; what follows from it is worked out once.
const latest = new WeakMap<Schema, JudgedSchema>();

function judgedSchema(schema: Schema, contract: Contract): JudgedSchema {
  const known = latest.get(schema);
  if (known?.contract === contract) return known;
  const judged = new JudgedSchema(schema, contract);
  latest.set(schema, judged);
  return judged;
}
