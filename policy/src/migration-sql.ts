import {
  type Finding,
  type Remark,
  type Rule,
  SqlSyntaxError,
  type Waivers,
  schemaRules,
  waive,
} from "@app-data/rules";
import type { ResourceValidationArgs, ResourceValidationPolicy } from "@pulumi/policy";
import { type JudgedMigration, judgeMigration } from "./migration-history";
import { page } from "./page";
import { read } from "./reading";

/** The type of the resource that stands for one migration. */
export const migrationType = "pulumi-nodejs:dynamic/database:Migration";

/** The type of the resource that plans them. */
export const migrationPlanType = "pulumi-nodejs:dynamic/database:MigrationPlan";

const tags = ["postgresql", "migration"];

/** What is known of a migration's forward SQL. */
type ForwardSql =
  | { state: "known"; judged: JudgedMigration }
  | { state: "unknown"; file: string }
  | { state: "unreadable"; message: string };

/** Without SQL that can be read nothing else can be judged. */
const migrationReadable: ResourceValidationPolicy = {
  name: "migration-readable",
  description: "The forward SQL of every migration is there and is SQL that PostgreSQL can read.",
  enforcementLevel: "mandatory",
  severity: "high",
  tags,
  remediationSteps: "Correct the statement at the line and column that the message gives.",
  url: page("migration-readable"),
  validateResource: async (args, report) => {
    if (args.type !== migrationType) return;
    const sql = await forwardSql(args);
    if (sql.state === "unreadable") report(sql.message);
  },
};

/** What the rules could not see is said, so that silence means that it was judged. */
const migrationProvable: ResourceValidationPolicy = {
  name: "migration-provable",
  description: "What a migration does to tables can be read off its SQL at preview.",
  // Dynamic SQL is not wrong, and the migrator's gate judges what it made before it is committed.
  enforcementLevel: "advisory",
  severity: "medium",
  tags,
  remediationSteps: "Write the statements out instead of putting them together at run time.",
  url: page("migration-provable"),
  validateResource: async (args, report) => {
    if (args.type !== migrationType) return;
    const sql = await forwardSql(args);
    if (sql.state === "unknown") {
      report(
        `POL102 ${sql.file}: the forward SQL is not known at preview, so nothing in it was judged; ` +
          `it is judged before it is applied. Read the file when the program runs.`,
      );
    } else if (sql.state === "known") {
      for (const remark of sql.judged.schema.notProvable) report(describeRemark(remark));
    }
  },
};

/** The policies that judge the SQL of migrations at preview: one for every rule of the schema. */
export function migrationSqlPolicies(waivers: Waivers): readonly ResourceValidationPolicy[] {
  return [
    migrationReadable,
    ...schemaRules.map((rule) => policyOf(rule, waivers)),
    migrationProvable,
  ];
}

function policyOf(rule: Rule, waivers: Waivers): ResourceValidationPolicy {
  return {
    name: `migration-${rule.name}`,
    description: rule.description,
    enforcementLevel: rule.level,
    severity: rule.severity,
    tags,
    remediationSteps: rule.remediation,
    url: page(rule.name),
    validateResource: async (args, report) => {
      if (args.type !== migrationType) return;
      const sql = await forwardSql(args);
      if (sql.state !== "known") return;
      const { file, findings } = sql.judged;
      const own = findings.filter((finding) => finding.rule === rule.name);
      for (const finding of waive(own, waivers).standing) report(describeFinding(finding, file));
    },
  };
}

async function forwardSql({ props, name, opts }: ResourceValidationArgs): Promise<ForwardSql> {
  const forwardFile = read(props, "forwardFile");
  const isNamed = forwardFile.state === "known" && typeof forwardFile.value === "string";
  const file = isNamed ? String(forwardFile.value) : `migration ${name}`;
  const sql = read(props, "forwardSql");
  if (sql.state === "unknown") return { state: "unknown", file };
  if (sql.state === "absent" || typeof sql.value !== "string") {
    const message =
      `POL001 ${file}: forwardSql is ${sql.state === "absent" ? "missing" : "not a string"}; ` +
      "the text of the forward file must be in it. Give the resource the whole trio.";
    return { state: "unreadable", message };
  }
  try {
    const judged = await judgeMigration(opts.parent ?? "", file, sql.value);
    return { state: "known", judged };
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    // The parser's words quote the SQL, which may be a secret.
    const message =
      `POL001 ${file}:${error.line}:${error.column}: PostgreSQL's parser can not read the SQL here. ` +
      "Correct the statement at this place.";
    return { state: "unreadable", message };
  }
}

/** @param migration the file of the migration that brought it, which may not hold the object. */
function describeFinding(finding: Finding, migration: string): string {
  const { code, file = migration, line, message, remediation } = finding;
  return `${code} ${file}${line === undefined ? "" : `:${line}`}: ${message}. ${remediation}`;
}

function describeRemark({ file, line, object, reason }: Remark): string {
  return (
    `POL102 ${file}:${line}: ${object} can not be judged at preview: ${reason}. ` +
    "The gate before commit judges what it made; write the statements out to have them judged here."
  );
}
