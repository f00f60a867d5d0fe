import * as pulumiPolicy from "@pulumi/policy";
import type {
  Policies,
  PolicyResource,
  PolicyResourceOptions,
  ResourceValidationArgs,
} from "@pulumi/policy";

/** What the engine sends for a string that is not known at preview. */
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** A resource as a test describes it. */
export interface Fixture {
  type: string;
  props: Record<string, unknown>;
  name?: string;
  parent?: string;
  protect?: boolean;
  dependencies?: string[];
  propertyDependencies?: Record<string, string[]>;
}

const opts: PolicyResourceOptions = {
  protect: false,
  ignoreChanges: [],
  aliases: [],
  customTimeouts: { createSeconds: 0, updateSeconds: 0, deleteSeconds: 0 },
  additionalSecretOutputs: [],
};

/** What the resource policies say of one resource, each as `policy: message`. */
export async function judgeResource(policies: Policies, fixture: Fixture): Promise<string[]> {
  const said: string[] = [];
  for (const policy of policies) {
    if (!("validateResource" in policy) || !policy.validateResource) continue;
    const validations = [policy.validateResource].flat();
    for (const validate of validations) {
      await validate(argsOf(fixture), (message) => said.push(`${policy.name}: ${message}`));
    }
  }
  return said;
}

/** What the stack policies say of a stack, each as `policy: message`. */
export async function judgeStack(policies: Policies, fixtures: Fixture[]): Promise<string[]> {
  const said: string[] = [];
  const resources = link(fixtures);
  for (const policy of policies) {
    if (!("validateStack" in policy)) continue;
    const args = { resources, stackTags: new Map(), getConfig: config, notApplicable: unused };
    await policy.validateStack(args, (message) => said.push(`${policy.name}: ${message}`));
  }
  return said;
}

function argsOf(fixture: Fixture): ResourceValidationArgs {
  const { type, name = "it" } = fixture;
  return {
    type,
    name,
    urn: urnOf(fixture),
    props: proxied(fixture.props),
    opts: optsOf(fixture),
    stackTags: new Map(),
    isType: () => false,
    asType: () => undefined,
    getConfig: config,
    notApplicable: unused,
  };
}

function link(fixtures: Fixture[]): PolicyResource[] {
  const resources = fixtures.map((fixture): PolicyResource => ({
    type: fixture.type,
    name: fixture.name ?? "it",
    urn: urnOf(fixture),
    props: proxied(fixture.props),
    opts: optsOf(fixture),
    dependencies: [],
    propertyDependencies: {},
    isType: () => false,
    asType: () => undefined,
  }));
  const named = (names: string[] = []) => resources.filter(({ name }) => names.includes(name));
  fixtures.forEach(({ parent, dependencies, propertyDependencies = {} }, index) => {
    const resource = resources[index];
    if (!resource) return;
    const [above] = parent === undefined ? [] : named([parent]);
    if (above) resource.parent = above;
    resource.dependencies = named(dependencies);
    resource.propertyDependencies = Object.fromEntries(
      Object.entries(propertyDependencies).map(([key, names]) => [key, named(names)]),
    );
  });
  return resources;
}

function optsOf({ parent, protect = false }: Fixture): PolicyResourceOptions {
  return { ...opts, protect, ...(parent !== undefined && { parent }) };
}

function urnOf({ type, name = "it" }: Fixture): string {
  return `urn:pulumi:test::app-data::${type}::${name}`;
}

/** The wrapper that @pulumi/policy gives to policies; it exports it without declaring it. */
export function proxied(props: Record<string, unknown>): Record<string, unknown> {
  const wrap: unknown = Reflect.get(pulumiPolicy, "unknownCheckingProxy");
  if (typeof wrap !== "function") throw new Error("@pulumi/policy exports no unknownCheckingProxy");
  return wrap(props) as Record<string, unknown>;
}

function config<T extends object>(): T {
  return {} as T;
}

function unused(): never {
  throw new Error("no policy of this pack says that it does not apply");
}
