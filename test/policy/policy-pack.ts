import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { credentials } from "@grpc/grpc-js";
import { AnalyzerClient } from "@pulumi/pulumi/proto/analyzer_grpc_pb";
import * as analyzer from "@pulumi/pulumi/proto/analyzer_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import type { JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";

const root = join(__dirname, "../..");

/** What the pack said about a resource or stack. */
export interface Diagnostic {
  policy: string;
  level: "advisory" | "mandatory" | "other";
  message: string;
}

/** A resource as the engine sends it. */
export interface SentResource {
  type: string;
  name: string;
  props: Record<string, JavaScriptValue>;
  parent?: string;
  dependencies?: string[];
  protect?: boolean;
  /** Names of the properties that the program gave; all when absent. */
  given?: string[];
}

/** The real pack in a process of its own, as the engine runs it, and a client to talk to it. */
export class RunningPack {
  private constructor(
    private readonly process: ChildProcess,
    private readonly client: AnalyzerClient,
  ) {}

  /** @throws Error when the pack ends before it listens. */
  public static async start(): Promise<RunningPack> {
    const runner = join(root, "node_modules/@pulumi/pulumi/cmd/run-policy-pack");
    const child = spawn(process.execPath, [runner, "127.0.0.1:1", "."], {
      cwd: join(root, "policy"),
      stdio: ["ignore", "pipe", "inherit"],
    });
    const port = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).once("line", resolve);
      child.once("exit", (code) => reject(new Error(`The pack ended with code ${code}.`)));
    });
    const client = new AnalyzerClient(`127.0.0.1:${port}`, credentials.createInsecure());
    return new RunningPack(child, client);
  }

  public async stop(): Promise<void> {
    this.client.close();
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill();
    await ended;
  }

  public info(): Promise<analyzer.AnalyzerInfo> {
    return new Promise((resolve, reject) => {
      this.client.getAnalyzerInfo(new Empty(), (error, info) =>
        error ? reject(error) : resolve(info),
      );
    });
  }

  /** Sets a policy's level and settings, as the engine does with a file of configuration. */
  public configure(
    policy: string,
    level: "advisory" | "mandatory",
    settings: Record<string, JavaScriptValue>,
  ): Promise<void> {
    const config = new analyzer.PolicyConfig();
    config.setEnforcementlevel(
      level === "advisory"
        ? analyzer.EnforcementLevel.ADVISORY
        : analyzer.EnforcementLevel.MANDATORY,
    );
    config.setProperties(Struct.fromJavaScript(settings));
    const request = new analyzer.ConfigureAnalyzerRequest();
    request.getPolicyconfigMap().set(policy, config);
    return new Promise((resolve, reject) => {
      this.client.configure(request, (error) => (error ? reject(error) : resolve()));
    });
  }

  public analyze({ type, name, props, protect = false }: SentResource): Promise<Diagnostic[]> {
    const request = new analyzer.AnalyzeRequest();
    request.setType(type);
    request.setName(name);
    request.setUrn(urnOf({ type, name, props }));
    request.setProperties(Struct.fromJavaScript(props));
    request.setOptions(optionsOf(protect));
    return new Promise((resolve, reject) => {
      this.client.analyze(request, (error, response) =>
        error ? reject(error) : resolve(diagnosticsOf(response)),
      );
    });
  }

  public analyzeStack(resources: SentResource[]): Promise<Diagnostic[]> {
    const request = new analyzer.AnalyzeStackRequest();
    const urns = new Map(resources.map((resource) => [resource.name, urnOf(resource)]));
    request.setResourcesList(
      resources.map(({ type, name, props, protect = false, given, ...links }) => {
        const { parent = "", dependencies = [] } = links;
        const resource = new analyzer.AnalyzerResource();
        resource.setType(type);
        resource.setName(name);
        resource.setUrn(urnOf({ type, name, props }));
        resource.setProperties(Struct.fromJavaScript(props));
        resource.setOptions(optionsOf(protect));
        for (const key of given ?? Object.keys(props)) {
          resource
            .getPropertydependenciesMap()
            .set(key, new analyzer.AnalyzerPropertyDependencies());
        }
        resource.setParent(urns.get(parent) ?? "");
        resource.setDependenciesList(dependencies.flatMap((other) => urns.get(other) ?? []));
        return resource;
      }),
    );
    return new Promise((resolve, reject) => {
      this.client.analyzeStack(request, (error, response) =>
        error ? reject(error) : resolve(diagnosticsOf(response)),
      );
    });
  }
}

function optionsOf(protect: boolean): analyzer.AnalyzerResourceOptions {
  const options = new analyzer.AnalyzerResourceOptions();
  options.setProtect(protect);
  return options;
}

function urnOf({ type, name }: SentResource): string {
  return `urn:pulumi:test::app-data::${type}::${name}`;
}

function diagnosticsOf(response: analyzer.AnalyzeResponse): Diagnostic[] {
  return response.getDiagnosticsList().map((diagnostic) => ({
    policy: diagnostic.getPolicyname(),
    level: levelOf(diagnostic.getEnforcementlevel()),
    message: withoutDescription(diagnostic),
  }));
}

/** @pulumi/policy puts the policy's description on a line before each message. */
function withoutDescription(diagnostic: analyzer.AnalyzeDiagnostic): string {
  const [description, ...message] = diagnostic.getMessage().split("\n");
  return description === diagnostic.getDescription() ? message.join("\n") : diagnostic.getMessage();
}

function levelOf(level: analyzer.EnforcementLevel): Diagnostic["level"] {
  if (level === analyzer.EnforcementLevel.MANDATORY) return "mandatory";
  return level === analyzer.EnforcementLevel.ADVISORY ? "advisory" : "other";
}
