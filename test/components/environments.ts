import { readFileSync } from "node:fs";
import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { readConfig, type AppDataConfig, type Environment } from "../../components/config";

const root = path.join(__dirname, "../..");

// Typed here because the package comes without types.
const { load } = jest.requireActual<{ load(text: string): unknown }>("js-yaml");

type Values = Record<string, unknown>;

/** Settings of the project's own namespace by dotted key, without the namespace. */
export type Settings = Readonly<Record<string, unknown>>;

/** What Pulumi.yaml declares: keys with type, default and description. */
export function declaredKeys(): Record<string, { type: string; default?: unknown }> {
  return (parse("Pulumi.yaml") as { config: Record<string, { type: string; default?: unknown }> })
    .config;
}

/** The settings that a stack file gives, by dotted key. */
export function givenSettings(environment: Environment): Settings {
  const { config } = parse(`Pulumi.${environment}.yaml`) as { config: Values };
  return Object.fromEntries(
    Object.entries(config)
      .filter(([key]) => key.startsWith("app-data:"))
      .flatMap(([key, value]) => {
        const name = key.slice("app-data:".length);
        return typeof value === "object" && value !== null
          ? Object.entries(value).map(([inner, each]) => [`${name}.${inner}`, each])
          : [[name, value]];
      }),
  );
}

/** The settings of an environment as the engine hands them over: defaults, then the stack file. */
export function settingsOf(environment: Environment): Settings {
  const defaults = Object.entries(declaredKeys()).flatMap(([key, { default: value }]) =>
    value === undefined ? [] : [[key, value]],
  );
  return { ...Object.fromEntries(defaults), ...givenSettings(environment) };
}

/** Gives the program settings; `undefined` takes one away. */
export function useSettings(settings: Settings): void {
  const config: Record<string, string> = { "aws:region": "eu-central-1" };
  const objects: Record<string, Values> = {};
  for (const [key, value] of Object.entries(settings)) {
    if (value === undefined) continue;
    const [first = "", second] = key.split(".");
    if (second !== undefined) (objects[first] ??= {})[second] = value;
    else config[`app-data:${first}`] = typeof value === "string" ? value : JSON.stringify(value);
  }
  for (const [key, value] of Object.entries(objects)) {
    config[`app-data:${key}`] = JSON.stringify(value);
  }
  pulumi.runtime.setAllConfig(config);
}

/** The configuration of an environment, with settings changed. */
export function configOf(environment: Environment, changes: Settings = {}): AppDataConfig {
  useSettings({ ...settingsOf(environment), ...changes });
  return readConfig(new pulumi.Config("app-data"));
}

function parse(file: string): unknown {
  return load(readFileSync(path.join(root, file), "utf8"));
}
