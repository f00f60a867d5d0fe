import { awsReasonOf } from "../aws-reason";
import { CODES, MigratorError } from "../../errors";
import { withSystemsManager } from "./systems-manager";

const TAG_PREFIX = "tag:";

/** Name and value of a tag. */
interface Tag {
  name: string;
  value: string;
}

/** What a tunnel goes through, as errors name it. */
export function describeTarget(target: string): string {
  const tag = tagOf(target);
  return tag ? `an instance with the tag ${tag.name} = ${tag.value}` : `instance ${target}`;
}

/**
 * The instance that a tunnel goes through: the target itself, or, of the instances that carry its tag
 * and are online, the one with the least id, so that all connections of a run share one tunnel.
 * @param target `i-…`, `mi-…` or `tag:NAME=VALUE`.
 * @throws MigratorError MIG085 when no such instance is online, or AWS does not say.
 */
export async function findInstance(
  target: string,
  region: string,
  seconds: number,
): Promise<string> {
  const tag = tagOf(target);
  if (!tag) return target;
  const [found] = (await onlineInstances(tag, region, seconds)).sort();
  if (found !== undefined) return found;
  throw new MigratorError(
    CODES.noTunnelInstance,
    `No instance with the tag ${tag.name} = ${tag.value} is online at Systems Manager in ${region}. ` +
      "Start one in the database's network, with an SSM agent and an instance profile for it " +
      "(aws ssm describe-instance-information lists them), or correct the tag.",
  );
}

async function onlineInstances(tag: Tag, region: string, seconds: number): Promise<string[]> {
  const { paginateDescribeInstanceInformation } = await import("@aws-sdk/client-ssm");
  const Filters = [
    { Key: `${TAG_PREFIX}${tag.name}`, Values: [tag.value] },
    { Key: "PingStatus", Values: ["Online"] },
  ];
  const abortSignal = AbortSignal.timeout(seconds * 1000);
  try {
    return await withSystemsManager(region, async (client) => {
      const found: string[] = [];
      const pages = paginateDescribeInstanceInformation({ client }, { Filters }, { abortSignal });
      for await (const { InstanceInformationList = [] } of pages) {
        found.push(...InstanceInformationList.flatMap(({ InstanceId }) => InstanceId ?? []));
      }
      return found;
    });
  } catch (cause) {
    throw new MigratorError(
      CODES.noTunnelInstance,
      `Could not look in ${region} for an instance with the tag ${tag.name} = ${tag.value}: ` +
        `${awsReasonOf(cause)}. The AWS credentials in use need ssm:DescribeInstanceInformation; or ` +
        "name the instance by its id.",
      { cause },
    );
  }
}

function tagOf(target: string): Tag | undefined {
  if (!target.startsWith(TAG_PREFIX)) return undefined;
  const [name = "", ...value] = target.slice(TAG_PREFIX.length).split("=");
  return { name, value: value.join("=") };
}
