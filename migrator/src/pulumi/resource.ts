import { type WaiverPlace, type Waivers, readWaivers } from "@app-data/rules";

// What a resource engine asks of a resource, on plain values. The shapes are those of Pulumi's dynamic
// providers; nothing of Pulumi is imported, so that this package runs without it.

/** Which waivers a resource's changes are judged with: read when it changes, so never those of old. */
export type WaiversInput = Pick<WaiverPlace, "file" | "environment">;

/** The waivers of a resource; none of one that was made before there were any. */
export function waiversOf(input: WaiversInput | undefined): Waivers | undefined {
  return input && readWaivers(input);
}

/** What an error says where it is read in a stack: the command that does the same in it, where there is one. */
export function reasonInStack(
  { message }: Error,
  { environment }: Partial<WaiversInput> = {},
): string {
  return message.replace(
    / While it is still being written, [^`]*`(npx migrator redo \d+)`\./,
    (_, command: string) => {
      if (environment === "local") return ` While it is still being written: \`npm run redo\`.`;
      return environment === "dev"
        ? ` While it is still being written: \`${command}\`, then \`pulumi up\`.`
        : "";
    },
  );
}

/** A property that may not be so, and why. */
export interface CheckFailure {
  property: string;
  reason: string;
}

/** Inputs as the provider completed them. */
export interface CheckResult<Inputs> {
  inputs: Inputs;
  failures: CheckFailure[];
}

// What the engine hands over in place of a value that it does not know yet, also for objects and
// lists (`unknownValue` of @pulumi/pulumi/runtime/rpc).
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Whether a value, and everything in it, is known already. */
export function isKnown(value: unknown): boolean {
  return !(JSON.stringify(value) ?? "").includes(UNKNOWN);
}
