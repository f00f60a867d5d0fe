import type { PolicyResource } from "@pulumi/policy";
import { refersTo } from "./links";
import { type StackRule, type Verdict, broken, unjudged } from "./rule";
import { CLUSTER, INSTANCE, PARAMETER_GROUP } from "./types";
import { readWhole } from "../reading";

const topic = { code: "POL182", page: "database-parameters" };
const GROUP_TYPES = [
  PARAMETER_GROUP,
  "aws:rds/clusterParameterGroup:ClusterParameterGroup",
] as const;

/** Judged in the group that the database uses: another one's settings protect nobody. */
export const databaseParameterRules: readonly StackRule[] = [
  {
    name: "database-parameter-group",
    severity: "high",
    description: "A database uses a parameter group of the stack.",
    remediation: "Make one, and name it in `parameterGroupName`.",
    topic,
    checkStack: (resources) =>
      databasesOf(resources)
        .filter((database) => !groupOf(database, resources))
        .map((database) =>
          broken(
            database,
            "uses no parameter group of the stack, so no rule can judge its settings; it must use one that is " +
              "judged here. Name it in `parameterGroupName`.",
          ),
        ),
  },
  parameterRule("database-tls-forced", "rds.force_ssl", "1", {
    control: {
      id: "RDS.38",
      title: "RDS for PostgreSQL DB instances should be encrypted in transit",
    },
    severity: "high",
    description: "The server refuses connections without TLS, by the parameter group in use.",
  }),
  parameterRule("database-passwords-scrambled", "password_encryption", "scram-sha-256", {
    severity: "medium",
    description: "The server stores passwords only as SCRAM verifiers.",
  }),
  parameterRule("database-passwords-accepted", "rds.accepted_password_auth_method", "scram", {
    severity: "medium",
    description: "The server accepts passwords only by SCRAM.",
  }),
  parameterRule("database-log-connections", "log_connections", "1", {
    severity: "medium",
    description: "Connections are logged.",
  }),
  parameterRule("database-log-disconnections", "log_disconnections", "1", {
    severity: "medium",
    description: "Disconnections are logged.",
  }),
  parameterRule("database-log-statements", "log_statement", "ddl", {
    severity: "high",
    description:
      "The log tells what changed the schema, and no other statement: people's data is in them.",
  }),
  parameterRule("database-log-waits", "log_lock_waits", "1", {
    severity: "low",
    description: "Lock waits are logged.",
  }),
  parameterRule("database-log-parameters", "log_parameter_max_length", "0", {
    severity: "high",
    description: "The log holds no values of statements: they are people's data.",
  }),
  parameterRule("database-log-error-parameters", "log_parameter_max_length_on_error", "0", {
    severity: "high",
    description: "The log holds no values of statements that failed, either.",
  }),
  parameterRule(
    "database-sessions-bounded",
    "idle_in_transaction_session_timeout",
    { from: 1, to: 600_000, unit: "milliseconds" },
    {
      severity: "low",
      description: "A transaction that was left open ends after ten minutes at most.",
    },
  ),
];

type Wanted = string | { readonly from: number; readonly to: number; readonly unit: string };

function parameterRule(
  name: string,
  parameter: string,
  required: Wanted,
  about: Pick<StackRule, "control" | "severity" | "description">,
): StackRule {
  return {
    name,
    ...about,
    remediation: `Set \`${parameter}\` in the parameter group that the instance names.`,
    topic,
    checkStack: (resources) =>
      databasesOf(resources).flatMap((database) => {
        const group = groupOf(database, resources);
        return group ? judgeGroup(database, group, parameter, required) : [];
      }),
  };
}

function databasesOf(resources: readonly PolicyResource[]): PolicyResource[] {
  return resources.filter(({ type }) => type === INSTANCE || type === CLUSTER);
}

function groupOf(
  database: PolicyResource,
  resources: readonly PolicyResource[],
): PolicyResource | undefined {
  const property =
    database.type === INSTANCE ? "parameterGroupName" : "dbClusterParameterGroupName";
  return resources.find(
    (group) =>
      GROUP_TYPES.some((type) => type === group.type) &&
      refersTo(database, property, group, "name", "id"),
  );
}

function judgeGroup(
  database: PolicyResource,
  group: PolicyResource,
  parameter: string,
  required: Wanted,
): Verdict[] {
  const parameters = readWhole(group.props, "parameters");
  if (parameters.state === "unknown") return [unjudged(group, ["parameters"])];
  const value = valuesOf(parameters.state === "known" ? parameters.value : []).get(parameter);
  if (fits(value, required)) return [];
  return [
    broken(
      group,
      `has ${parameter} ${value === undefined ? "unset" : `"${value}"`}; it must be ` +
        `${describe(required)}, because ${database.name} uses the group. Set it.`,
    ),
  ];
}

function valuesOf(parameters: unknown): Map<string, string> {
  const list: readonly unknown[] = Array.isArray(parameters) ? parameters : [];
  return new Map(
    list.flatMap((each): [string, string][] => {
      if (typeof each !== "object" || each === null) return [];
      const { name, value }: { name?: unknown; value?: unknown } = each;
      return [[String(name), String(value)]];
    }),
  );
}

function fits(value: string | undefined, required: Wanted): boolean {
  if (typeof required === "string") return value?.toLowerCase() === required;
  const number = Number(value);
  return number >= required.from && number <= required.to;
}

function describe(required: Wanted): string {
  return typeof required === "string"
    ? `"${required}"`
    : `from ${required.from} to ${required.to} ${required.unit}`;
}
