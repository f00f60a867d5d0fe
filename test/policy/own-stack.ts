import * as aws from "@pulumi/aws";
import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { Environment } from "../../components/config";
import { settingsOf, useSettings, type Settings } from "../components/environments";
import { record } from "../components/recorded-program";
import type { Fixture } from "./judging";

const PACKAGES = { "@pulumi/aws": aws, "@pulumi/postgresql": postgresql, "@pulumi/random": random };

/** One resource of this project's own program: what the engine is asked for, and what it is afterwards. */
export interface OwnResource {
  /** As a policy on one resource sees it, before it is changed. */
  readonly inputs: Fixture;
  /** As a policy on the stack sees it, after the update. */
  readonly state: Fixture;
}

interface Request {
  getType(): string;
  getName(): string;
  getParent(): string;
  getProtect(): boolean;
  getObject(): { toJavaScript(): Record<string, unknown> } | undefined;
  getPropertydependenciesMap(): {
    forEach(visit: (each: { getUrnsList(): string[] }, key: string) => void): void;
  };
}
interface Response {
  getUrn(): string;
  getObject(): { toJavaScript(): Record<string, unknown> } | undefined;
}
type Register = (request: Request, callback: (error: unknown, response: Response) => void) => void;

/**
 * Runs the program of this project, `index.ts`, in an environment, without an engine: every input as
 * the engine would get it, and for outputs what the mocked cloud answers.
 */
export async function ownStack(
  environment: Environment,
  changes: Settings = {},
): Promise<OwnResource[]> {
  const resources: OwnResource[] = [];
  await record(environment, () => {
    useSettings({ ...settingsOf(environment), ...changes });
    listen((request, response) => resources.push(toResource(request, response)));
    jest.isolateModules(() => {
      // The same instance of Pulumi, whose engine is the mocked one; and loading the clouds once will do.
      for (const [name, loaded] of Object.entries({ ...PACKAGES, "@pulumi/pulumi": pulumi })) {
        jest.doMock(name, () => loaded);
      }
      jest.requireActual("../../index");
    });
  });
  return resources;
}

/** What the policies are asked, in the order of {@link judgeAll}. */
export function named(resources: readonly OwnResource[], name: string): OwnResource {
  const found = resources.find(({ inputs }) => `${inputs.type} ${inputs.name}` === name);
  if (!found) throw new Error(`The program has no ${name}.`);
  return found;
}

function listen(heard: (request: Request, response: Response) => void): void {
  const settings = jest.requireActual<{ getMonitor(): { registerResource: Register } }>(
    "@pulumi/pulumi/runtime/settings",
  );
  const monitor = settings.getMonitor();
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) =>
    register(request, (error, response) => {
      if (!error) heard(request, response);
      callback(error, response);
    });
}

function toResource(request: Request, response: Response): OwnResource {
  const propertyDependencies: Record<string, string[]> = {};
  request.getPropertydependenciesMap().forEach((each, key) => {
    propertyDependencies[key] = each.getUrnsList().map(nameOf);
  });
  const parent = request.getParent();
  const shared = {
    type: request.getType(),
    name: request.getName(),
    protect: request.getProtect(),
    ...(parent !== "" && { parent: nameOf(parent) }),
    propertyDependencies,
  };
  const inputs = unwrap(request.getObject()?.toJavaScript() ?? {});
  const outputs = unwrap(response.getObject()?.toJavaScript() ?? {});
  return {
    inputs: { ...shared, props: inputs },
    state: { ...shared, props: { ...inputs, ...outputs } },
  };
}

function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? "";
}

/** Policies get secrets in the clear. */
function unwrap(properties: Record<string, unknown>): Record<string, unknown> {
  return clear(properties) as Record<string, unknown>;
}

function clear(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clear);
  if (typeof value !== "object" || value === null) return value;
  const object = value as Record<string, unknown>;
  if ("4dabf18193072939515e22adb298388d" in object) return clear(object["value"]);
  return Object.fromEntries(Object.entries(object).map(([key, each]) => [key, clear(each)]));
}
