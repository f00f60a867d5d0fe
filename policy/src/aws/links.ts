import type { PolicyResource } from "@pulumi/policy";
import { read } from "../reading";

/**
 * Whether a property of one resource names another. While values are not known, the dependency that
 * the program recorded tells it; afterwards one of the other's identifying properties is equal.
 */
export function refersTo(
  resource: PolicyResource,
  property: string,
  other: PolicyResource,
  ...identifiers: readonly string[]
): boolean {
  const linked = resource.propertyDependencies[property] ?? [];
  if (linked.some(({ urn }) => urn === other.urn)) return true;
  const named = read(resource.props, property);
  if (named.state !== "known") return false;
  const values: readonly unknown[] = Array.isArray(named.value) ? named.value : [named.value];
  return identifiers.some((identifier) => {
    const own = read(other.props, identifier);
    return own.state === "known" && values.includes(own.value);
  });
}
