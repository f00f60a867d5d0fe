import {
  type Judged,
  type ResourceRule,
  type Verdict,
  broken,
  demand,
  demandAtLeast,
  demandOn,
  lastingOnly,
} from "./rule";
import { CLUSTER, INSTANCE, LOG_GROUP } from "./types";
import { read } from "../reading";

const topic = { code: "POL176", page: "records" };
const MONITORING_SECONDS = 60;

/** What is known afterwards of what the database did. */
export const recordRules: readonly ResourceRule[] = [
  {
    name: "database-logs-exported",
    control: {
      id: "RDS.36",
      title: "RDS for PostgreSQL DB instances should publish logs to CloudWatch Logs",
    },
    severity: "medium",
    description: "PostgreSQL's log and that of upgrades go to CloudWatch Logs.",
    remediation: 'Set `enabledCloudwatchLogsExports: ["postgresql", "upgrade"]`.',
    topic,
    types: [INSTANCE, CLUSTER],
    check: demandLogExports,
  },
  {
    name: "database-load-recorded",
    severity: "low",
    description: "Performance Insights keeps the load by statement and wait.",
    remediation: "Set `performanceInsightsEnabled: true`.",
    topic,
    // The emulator forgets it.
    levels: { local: "disabled" },
    types: [INSTANCE],
    check: (resource) => demandOn(resource, "performanceInsightsEnabled"),
  },
  {
    name: "database-monitoring",
    control: {
      id: "RDS.6",
      title: "Enhanced monitoring should be configured for RDS DB instances",
    },
    severity: "low",
    description:
      "The operating system under the database is measured at least once a minute, with a role to write it down.",
    remediation: "Set `monitoringInterval: 60` and `monitoringRoleArn`.",
    topic,
    levels: lastingOnly,
    types: [INSTANCE],
    check: (resource) => [...demandInterval(resource), ...demandRole(resource)],
  },
  {
    name: "log-group-retention",
    control: {
      id: "CloudWatch.16",
      title: "CloudWatch log groups should be retained for a specified time period",
    },
    severity: "medium",
    description: "Logs are kept as long as the environment demands, and not for ever.",
    remediation: "Set `retentionInDays`.",
    topic,
    settings: {
      days: {
        description: "Days that logs have to be kept.",
        by: { local: 1, dev: 14, staging: 30, prod: 365 },
        minimum: 1,
        maximum: 3653,
      },
    },
    types: [LOG_GROUP],
    // 0 keeps them for ever: nobody decided that.
    check: (resource, { days = 365 }) => demandAtLeast(resource, "retentionInDays", days),
  },
];

function demandInterval(resource: Judged): Verdict[] {
  return demand(resource, ["monitoringInterval"], (interval) =>
    typeof interval === "number" && interval > 0 && interval <= MONITORING_SECONDS
      ? undefined
      : `has monitoringInterval ${typeof interval === "number" ? interval : "unset"}; it must be ` +
        `from 1 to ${MONITORING_SECONDS} seconds. Set it, and \`monitoringRoleArn\`.`,
  );
}

/** A role that is not known yet is one still to be made. */
function demandRole(resource: Judged): Verdict[] {
  return read(resource.props, "monitoringRoleArn").state === "absent"
    ? [
        broken(
          resource,
          "has monitoringRoleArn unset; RDS must have a role to write what it measures. Set it.",
        ),
      ]
    : [];
}

function demandLogExports(resource: Judged): Verdict[] {
  return demand(resource, ["enabledCloudwatchLogsExports"], (exports) => {
    const listed: readonly unknown[] = Array.isArray(exports) ? exports : [];
    const wanted = ["postgresql", ...(resource.type === INSTANCE ? ["upgrade"] : [])];
    const missing = wanted.filter((log) => !listed.includes(log));
    return missing.length === 0
      ? undefined
      : `does not export ${missing.map((log) => `"${log}"`).join(" and ")} to CloudWatch Logs; every ` +
          "log must be. Add to `enabledCloudwatchLogsExports`.";
  });
}
