import { execFile } from "node:child_process";
import { delimiter } from "node:path";
import { promisify } from "node:util";

import type { Engine } from "../../tools/engine/index.mjs";
import type { Property, Shape } from "./shape";

/** The part of a Pulumi package schema that says what a plugin understands. */
interface Schema {
  readonly resources: Record<string, Inputs | undefined>;
  readonly functions: Record<string, { inputs?: Properties } | undefined>;
  readonly provider: Inputs;
  readonly types?: Record<string, (Type & Properties & { enum?: unknown }) | undefined>;
}
interface Inputs {
  readonly inputProperties?: Record<string, Type>;
  readonly requiredInputs?: string[];
}
interface Properties {
  readonly properties?: Record<string, Type>;
  readonly required?: string[];
}
interface Type {
  readonly type?: string;
  readonly $ref?: string;
  readonly items?: Type;
  readonly additionalProperties?: Type;
  readonly oneOf?: Type[];
}

/** What a resource plugin says that it understands. */
export class PluginSchema {
  private constructor(
    private readonly name: string,
    private readonly schema: Schema,
  ) {}

  /** Asks a plugin for its schema, through the CLI of the engine, whichever kind it is. */
  static async read(engine: Engine, name: string, version: string): Promise<PluginSchema> {
    const folders = [...engine.path, process.env["PATH"]];
    const { stdout } = await promisify(execFile)(
      engine.pulumi,
      ["package", "get-schema", `${name}@${version}`],
      {
        env: { ...process.env, ...engine.environment, PATH: folders.join(delimiter) },
        maxBuffer: 512 * 1024 * 1024,
      },
    );
    return new PluginSchema(name, JSON.parse(stdout) as Schema);
  }

  /** The arguments of a resource, a function or the provider, or undefined when it is unknown. */
  args(token: string): Shape | undefined {
    const resource = token === this.name ? this.schema.provider : this.schema.resources[token];
    if (resource !== undefined) {
      return this.object(resource.inputProperties, resource.requiredInputs);
    }
    const called = this.schema.functions[token];
    return called && this.object(called.inputs?.properties, called.inputs?.required);
  }

  private object(properties: Record<string, Type> = {}, required: string[] = []): Shape {
    const entries = Object.entries(properties).map(([name, type]): [string, Property] => {
      return [name, { shape: this.shape(type), required: required.includes(name) }];
    });
    return { kind: "object", properties: new Map(entries) };
  }

  private shape(type: Type): Shape {
    const { $ref: reference, items, additionalProperties } = type;
    // As in the packages' types: a text is what the program gives where one is taken.
    if (type.oneOf?.some((one) => one.type === "string")) return { kind: "string" };
    if (reference?.startsWith("#/types/")) {
      const target = this.schema.types?.[decodeURIComponent(reference.slice("#/types/".length))];
      if (target === undefined) return { kind: "any" };
      if (target.enum !== undefined) return this.shape({ type: target.type ?? "string" });
      return this.object(target.properties, target.required);
    }
    if (reference === "pulumi.json#/Archive" || reference === "pulumi.json#/Asset") {
      return { kind: "asset" };
    }
    if (items !== undefined) return { kind: "list", element: this.shape(items) };
    switch (type.type) {
      case "string":
      case "boolean":
        return { kind: type.type };
      case "integer":
      case "number":
        return { kind: "number" };
      case "object":
        return { kind: "map", element: this.shape(additionalProperties ?? { type: "string" }) };
      default:
        return { kind: "any" };
    }
  }
}
