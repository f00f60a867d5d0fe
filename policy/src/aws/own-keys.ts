import type { PolicyResource } from "@pulumi/policy";
import { refersTo } from "./links";
import { type Path, type StackRule, type Verdict, broken, unjudged } from "./rule";
import { BUCKET_ENCRYPTION, CLUSTER, INSTANCE, KEY, LOG_GROUP, SECRET } from "./types";
import { readWhole } from "../reading";

/** Where each kind of store names its key; below a list, every element is meant. */
const KEYS_OF: Readonly<Record<string, readonly Path[]>> = {
  [INSTANCE]: [["kmsKeyId"], ["performanceInsightsKmsKeyId"], ["masterUserSecretKmsKeyId"]],
  [CLUSTER]: [["kmsKeyId"], ["performanceInsightsKmsKeyId"], ["masterUserSecretKmsKeyId"]],
  [SECRET]: [["kmsKeyId"]],
  [LOG_GROUP]: [["kmsKeyId"]],
  ...Object.fromEntries(
    BUCKET_ENCRYPTION.map((type) => [
      type,
      [["rules", 0, "applyServerSideEncryptionByDefault", "kmsMasterKeyId"]],
    ]),
  ),
};

/** A key of somebody else's can be taken away, or read with, without this stack noticing. */
export const ownKeysRule: StackRule = {
  name: "own-keys",
  severity: "high",
  description: "What holds data is encrypted with a key that this stack makes, and judges.",
  remediation: "Give the ARN of a `aws.kms.Key` of the stack.",
  topic: { code: "POL183", page: "own-keys" },
  checkStack: (resources) => {
    const keys = resources.filter(({ type }) => type === KEY);
    return resources.flatMap((resource) =>
      (KEYS_OF[resource.type] ?? []).flatMap((path) => demandOwnKey(resource, path, keys)),
    );
  },
};

function demandOwnKey(
  resource: PolicyResource,
  path: Path,
  keys: readonly PolicyResource[],
): Verdict[] {
  const property = path.join(".");
  const named = readWhole(resource.props, ...path);
  // That there must be one is said by the rules on encryption.
  if (named.state === "absent" || (named.state === "known" && named.value === "")) return [];
  const top = String(path[0]);
  if (keys.some((key) => refersTo(resource, top, key, "arn", "keyId"))) return [];
  if (named.state === "unknown") return [unjudged(resource, path)];
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
          `has ${property} set to a key that this stack does not make; it must be one of the stack's ` +
            `own, whose policy is judged here. Set \`${path.at(-1)}\` to the ARN of one.`,
        ),
      ];
}
