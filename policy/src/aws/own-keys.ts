import type { PolicyResource } from "@pulumi/policy";
import {
  type Judged,
  type Path,
  type StackRule,
  type Verdict,
  broken,
  forEachOf,
  unjudged,
} from "./rule";
import {
  BACKUP_REPLICATION,
  BUCKETS,
  BUCKET_ENCRYPTION,
  CLUSTER,
  CLUSTER_INSTANCE,
  INSTANCE,
  KEY,
  LOG_GROUP,
  SECRET,
  SNAPSHOT_COPY,
} from "./types";
import { readWhole } from "../reading";

const BY_DEFAULT = ["applyServerSideEncryptionByDefault", "kmsMasterKeyId"];
const EACH = "*";

/** Where each kind of store names a key, {@link EACH} element of a list for itself. */
type Places = readonly (readonly [types: readonly string[], path: Path])[];

/** A key of somebody else's can be taken away, or read with, without this stack noticing. */
export const ownKeyRules: readonly StackRule[] = [
  ownKeys("own-keys", "Data is encrypted with a key that this stack makes, and judges.", [
    [[INSTANCE, CLUSTER, SECRET, LOG_GROUP, SNAPSHOT_COPY, BACKUP_REPLICATION], ["kmsKeyId"]],
    [BUCKET_ENCRYPTION, ["rules", EACH, ...BY_DEFAULT]],
    [BUCKETS, ["serverSideEncryptionConfiguration", "rule", ...BY_DEFAULT]],
  ]),
  ownKeys("own-load-key", "Load records are encrypted with a key that this stack makes.", [
    [[INSTANCE, CLUSTER, CLUSTER_INSTANCE], ["performanceInsightsKmsKeyId"]],
  ]),
  ownKeys("own-master-key", "The master's secret is encrypted with a key that this stack makes.", [
    [[INSTANCE, CLUSTER], ["masterUserSecretKmsKeyId"]],
  ]),
  ownKeys(
    "own-replica-keys",
    "Replicas of secrets are encrypted with keys that this stack makes.",
    [[[SECRET], ["replicas", EACH, "kmsKeyId"]]],
  ),
];

function ownKeys(name: string, description: string, places: Places): StackRule {
  return {
    name,
    severity: "high",
    description,
    remediation: "Give the ARN of a `aws.kms.Key` of the stack.",
    topic: { code: "POL183", page: "own-keys" },
    checkStack: (resources) => {
      const keys = resources.filter(({ type }) => type === KEY);
      return resources.flatMap((resource) =>
        places
          .filter(([types]) => types.includes(resource.type))
          .flatMap(([, path]) =>
            forEachAt(resource, path, (each) => demandOwnKey(resource, each, keys)),
          ),
      );
    },
  };
}

function forEachAt(on: Judged, path: Path, check: (path: Path) => Verdict[]): Verdict[] {
  const at = path.indexOf(EACH);
  return at < 0
    ? check(path)
    : forEachOf(on, path.slice(0, at), (element) => check([...element, ...path.slice(at + 1)]));
}

function demandOwnKey(
  resource: PolicyResource,
  path: Path,
  keys: readonly PolicyResource[],
): Verdict[] {
  const named = readWhole(resource.props, ...path);
  // That there must be one is said by the rules on encryption.
  if (named.state === "absent" || (named.state === "known" && named.value === "")) return [];
  if (named.state === "unknown") {
    const depends = resource.propertyDependencies[String(path[0])] ?? [];
    return depends.some(({ urn }) => keys.some((key) => key.urn === urn))
      ? []
      : [unjudged(resource, path)];
  }
  const isOwn = keys.some((key) =>
    ["arn", "keyId"].some((identifier) => {
      const own = readWhole(key.props, identifier);
      return own.state === "known" && own.value === named.value;
    }),
  );
  return isOwn
    ? []
    : [
        broken(
          resource,
          `has ${path.join(".")} set to a key that this stack does not make; it must be one of the stack's ` +
            `own, whose policy is judged here. Set \`${path.at(-1)}\` to the ARN of one.`,
        ),
      ];
}
