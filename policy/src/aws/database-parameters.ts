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
    name: "database-tls-forced",
    control: {
      id: "RDS.38",
      title: "RDS for PostgreSQL DB instances should be encrypted in transit",
    },
    severity: "high",
    description: "The server refuses connections without TLS, by the parameter group in use.",
    remediation: "Set `rds.force_ssl` to 1 in the parameter group that the instance names.",
    topic,
    checkStack: demandParameters({ "rds.force_ssl": "1" }),
  },
  {
    name: "database-passwords-scrambled",
    severity: "medium",
    description: "The server keeps and takes passwords as SCRAM verifiers alone.",
    remediation: "Set `password_encryption` and `rds.accepted_password_auth_method`.",
    topic,
    checkStack: demandParameters({
      password_encryption: "scram-sha-256",
      "rds.accepted_password_auth_method": "scram",
    }),
  },
  {
    name: "database-log-content",
    severity: "high",
    description:
      "The log tells who connected, what changed the schema and what waited, never people's data.",
    remediation: "Set the parameter that the message names.",
    topic,
    checkStack: demandParameters({
      log_connections: "1",
      log_disconnections: "1",
      log_statement: "ddl",
      log_lock_waits: "1",
      // Bind values are people's data.
      log_parameter_max_length: "0",
      log_parameter_max_length_on_error: "0",
    }),
  },
  {
    name: "database-sessions-bounded",
    severity: "low",
    description: "A transaction that was left open ends after ten minutes at most.",
    remediation: "Set `idle_in_transaction_session_timeout` from 1 to 600000 milliseconds.",
    topic,
    checkStack: demandParameters({
      idle_in_transaction_session_timeout: { from: 1, to: 600_000, unit: "milliseconds" },
    }),
  },
];

type Wanted = string | { readonly from: number; readonly to: number; readonly unit: string };

function demandParameters(wanted: Readonly<Record<string, Wanted>>): StackRule["checkStack"] {
  return (resources) =>
    resources
      .filter(({ type }) => type === INSTANCE || type === CLUSTER)
      .flatMap((database) => judgeGroup(database, groupOf(database, resources), wanted));
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
  group: PolicyResource | undefined,
  wanted: Readonly<Record<string, Wanted>>,
): Verdict[] {
  if (!group) {
    return [
      broken(
        database,
        `uses no parameter group of the stack, so nobody sees ${Object.keys(wanted).join(", ")}; ` +
          "it must use one that sets them. Name it in `parameterGroupName`.",
      ),
    ];
  }
  const parameters = readWhole(group.props, "parameters");
  if (parameters.state === "unknown") return [unjudged(group, ["parameters"])];
  const values = valuesOf(parameters.state === "known" ? parameters.value : []);
  return Object.entries(wanted).flatMap(([name, required]) => {
    const value = values.get(name);
    if (fits(value, required)) return [];
    return [
      broken(
        group,
        `has ${name} ${value === undefined ? "unset" : `"${value}"`}; it must be ` +
          `${describe(required)}, because ${database.name} uses the group. Set it.`,
      ),
    ];
  });
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
