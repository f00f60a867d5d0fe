import * as pulumi from "@pulumi/pulumi";

/**
 * Name that AWS shows for one of the stack's parts: `<project>-<stack>-<role>`, or `<project>-<stack>`
 * for the one that stands for the stack. Every name is explicit, because what a plugin makes up differs
 * between its builds, and because policies, log groups and runbooks have to know it beforehand.
 *
 * The form is what the strictest of RDS identifiers, buckets and parameter groups accept.
 *
 * @throws RunError `CFG040` when the name would be longer or of another form.
 */
export function physicalName(role = "", longest = 63): string {
  const name = [pulumi.getProject(), pulumi.getStack(), role]
    .filter((part) => part !== "")
    .join("-");
  if (/^[a-z](?:-?[a-z0-9])*$/.test(name) && name.length <= longest) return name;
  throw new pulumi.RunError(
    `CFG040 the name ${name} (${name.length} characters): must have at most ${longest} lower-case ` +
      `letters, digits and single hyphens, and start with a letter. Choose another name for the ` +
      `stack ${pulumi.getStack()}.`,
  );
}

/** Name of one of the stack's secrets: `<project>-<stack>/<role>`, which no other stack's can start with. */
export function secretName(role: string): string {
  return `${physicalName()}/${role}`;
}
