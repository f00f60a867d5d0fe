import type { PolicyResource } from "@pulumi/policy";
import { read } from "../reading";

/**
 * The resource without what AWS alone will say of it. A preview shows such a property as unknown, but
 * no program gave it, so there is nothing in it to judge; every input is in `propertyDependencies`.
 */
export function asProgrammed(resource: PolicyResource): PolicyResource {
  let props: PolicyResource["props"] | undefined;
  // Made when they are asked for: a rule looks at few resources of a stack.
  const get = () => (props ??= programmed(resource));
  return Object.defineProperty({ ...resource }, "props", { enumerable: true, get });
}

function programmed({ props, propertyDependencies }: PolicyResource): PolicyResource["props"] {
  const kept = Object.keys(props).filter(
    (key) => key in propertyDependencies || read(props, key).state !== "unknown",
  );
  // Getters, because reading an unknown value is what says that it is unknown.
  const properties = kept.map((key): [string, PropertyDescriptor] => [
    key,
    { enumerable: true, get: () => Reflect.get(props, key) },
  ]);
  return Object.defineProperties({}, Object.fromEntries(properties));
}
