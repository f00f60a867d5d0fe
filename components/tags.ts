import * as pulumi from "@pulumi/pulumi";
import type { Environment } from "./config";

/** Tags that a resource carries, by key. */
export type Tags = Readonly<Record<string, string>>;

/** Tags of everything in the stack that can be tagged: what it belongs to and who keeps it. */
export function stackTags(environment: Environment): Tags {
  return {
    Environment: environment,
    ManagedBy: "pulumi",
    Project: pulumi.getProject(),
    Stack: pulumi.getStack(),
  };
}
