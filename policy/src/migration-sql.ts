import { type Severity, type Waivers, schemaRules, trialRules, waive } from "@app-data/rules";
import { type JudgedFinding, readableRule } from "@app-data/trial";
import type {
  EnforcementLevel,
  ResourceValidationPolicy,
  StackValidationPolicy,
} from "@pulumi/policy";
import {
  type JudgedMigrations,
  type MigrationJudge,
  type StackMigration,
  judgeStackMigrations,
  rememberInputs,
} from "./judged-migrations";
import { page } from "./page";

/** What the policies on the SQL of migrations are made with. */
export interface MigrationContext {
  readonly waivers: Waivers;
  readonly migrations: MigrationJudge;
}

/** The rule that a file breaks which PostgreSQL or the migrator refuses. */
const APPLIED = "trial-applied";

/** A rule of the schema or of the trial. */
interface JudgedRule {
  name: string;
  description: string;
  level: EnforcementLevel;
  severity: Severity;
  remediation: string;
  page: string;
}

const judgedRules: readonly JudgedRule[] = [
  ...schemaRules.map((rule) => ({ ...rule, page: rule.name })),
  ...trialRules.map((rule) => ({
    ...rule,
    level: "mandatory" as const,
    severity: "high" as const,
    page: "trial",
  })),
];

/**
 * The policies that judge the SQL of migrations at preview: one for every rule of the schema and of the
 * trial. All of them speak of one verdict on all migrations together.
 */
export function migrationSqlPolicies(
  context: MigrationContext,
): readonly (ResourceValidationPolicy | StackValidationPolicy)[] {
  return [
    migrationReadable(context),
    ...judgedRules.map((rule) => policyOf(rule, context)),
    migrationAdvice(context),
    migrationProvable(context),
  ];
}

/** Without SQL that can be read, and a server to run it, nothing else can be judged. */
function migrationReadable({
  migrations: judge,
}: MigrationContext): ResourceValidationPolicy & StackValidationPolicy {
  return {
    name: readableRule.name,
    description: "The forward SQL of every migration is there and is SQL that PostgreSQL can read.",
    enforcementLevel: "mandatory",
    severity: "high",
    tags,
    remediationSteps: "Correct the statement at the line and column that the message gives.",
    url: page("migration-readable"),
    validateResource: rememberInputs,
    validateStack: async ({ resources }, report) => {
      for (const { migrations, findings, problem } of await judgeStackMigrations(
        resources,
        judge,
      )) {
        if (problem !== undefined) report(problem, migrations[0]?.urn);
        for (const { urn, file, sql } of migrations) {
          if (sql.state !== "missing") continue;
          report(
            `POL001 ${file}: forwardSql is ${sql.found}; the text of the forward file must be in it. ` +
              "Give the resource the whole trio.",
            urn,
          );
        }
        for (const finding of findings.filter(({ rule }) => rule === readableRule.name))
          report(describe(finding), urnOf(finding, migrations));
      }
    },
  };
}

const tags = ["postgresql", "migration"];

function policyOf(rule: JudgedRule, context: MigrationContext): StackValidationPolicy {
  return {
    name: `migration-${rule.name}`,
    description: rule.description,
    enforcementLevel: rule.level,
    severity: rule.severity,
    tags,
    remediationSteps: rule.remediation,
    url: page(rule.page),
    validateStack: async ({ resources }, report) => {
      for (const judged of await judgeStackMigrations(resources, context.migrations)) {
        for (const finding of standing(judged, context)) {
          if (finding.rule === rule.name && finding.level === rule.level)
            report(describe(finding), urnOf(finding, judged.migrations));
        }
      }
    },
  };
}

/** A policy has one level, and a rule that refuses may have advice to give. */
function migrationAdvice(context: MigrationContext): StackValidationPolicy {
  const mandatory = new Set(
    judgedRules.filter(({ level }) => level === "mandatory").map(({ name }) => name),
  );
  return {
    name: "migration-advice",
    description: "What the rules cannot tell was tried, and the attacker did not get through.",
    enforcementLevel: "advisory",
    severity: "low",
    tags,
    remediationSteps: "Write the condition so that it compares the row's owner with the user.",
    url: page("trial"),
    validateStack: async ({ resources }, report) => {
      for (const judged of await judgeStackMigrations(resources, context.migrations)) {
        for (const finding of standing(judged, context)) {
          if (finding.level === "advisory" && mandatory.has(finding.rule))
            report(describe(finding), urnOf(finding, judged.migrations));
        }
      }
    },
  };
}

/** What could not be judged is said, so that silence means that it was. */
function migrationProvable({ migrations: judge }: MigrationContext): StackValidationPolicy {
  return {
    name: "migration-provable",
    description: "The forward SQL of every migration is known at preview.",
    // The migrator's gate judges what it makes before it is committed.
    enforcementLevel: "advisory",
    severity: "medium",
    tags,
    remediationSteps: "Read the file when the program runs.",
    url: page("migration-provable"),
    validateStack: async ({ resources }, report) => {
      for (const { migrations } of await judgeStackMigrations(resources, judge)) {
        const first = migrations.findIndex(({ sql }) => sql.state === "unknown");
        if (first < 0) continue;
        for (const { urn, file, sql } of migrations.slice(first)) {
          const reason =
            sql.state === "unknown"
              ? "the forward SQL is not known at preview"
              : "that of a migration before it is not known at preview";
          report(
            `POL102 ${file}: ${reason}, so nothing in it was judged; it is judged before it is ` +
              "applied. Read the file when the program runs.",
            urn,
          );
        }
      }
    },
  };
}

function standing({ findings }: JudgedMigrations, { waivers }: MigrationContext): JudgedFinding[] {
  return waive(findings, waivers).standing;
}

/** The resource of the file that a finding names; of the last one where it names none. */
function urnOf({ file }: JudgedFinding, migrations: readonly StackMigration[]): string | undefined {
  return (migrations.find((one) => one.file === file) ?? migrations.at(-1))?.urn;
}

function describe({ rule, code, file, line, message, remediation }: JudgedFinding): string {
  const place = file === undefined ? "" : `${file}${line === undefined ? "" : `:${line}`}: `;
  // The words of PostgreSQL and of its parser quote the SQL, which may be a secret.
  if (rule === readableRule.name) {
    const [, column = "1"] = /^column (\d+):/.exec(message) ?? [];
    return (
      `${code} ${file}:${line}:${column}: PostgreSQL's parser cannot read the SQL here. ` +
      "Correct the statement at this place."
    );
  }
  if (rule === APPLIED) {
    const [state = ""] = / \(SQLSTATE \w+\)$/.exec(message) ?? [];
    return (
      `${code} ${place}the statement cannot be applied${state}, so nothing was judged. ` +
      "`npm run policy` quotes what PostgreSQL says of it."
    );
  }
  return `${code} ${place}${message}. ${remediation}`;
}
