import * as pulumi from "@pulumi/pulumi";

/** A resource as the engine would be asked for it; a secret value `x` is told as `{ secret: x }`. */
export interface RecordedResource {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}

/** Options of a resource that mocks do not see, recorded by a transformation. */
export interface RecordedOptions {
  readonly type: string;
  readonly name: string;
  readonly parent: string | undefined;
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  readonly dependsOn: number;
  readonly ignoreChanges: readonly string[];
  /** Id of what is there already and is taken over. */
  readonly import: string | undefined;
}

/** All that a program asked for, and what it returned. */
export interface RecordedProgram<Result> {
  readonly result: Result;
  readonly resources: readonly RecordedResource[];
  readonly options: readonly RecordedOptions[];
}

const ACCOUNT = "123456789012";
const REGION = "eu-central-1";

/** What the mocked cloud answers beyond a resource's own inputs. */
export interface MockedAnswers {
  /** Text of every secret that is read. */
  readonly secretString?: string;
}

/**
 * Runs a program of the project `app-data` without an engine, until all its resources are registered.
 * It gets options that record what mocks do not see, to pass to its components.
 */
export async function record<Result>(
  stack: string,
  program: (options: pulumi.ComponentResourceOptions) => Result,
  answers: MockedAnswers = {},
): Promise<RecordedProgram<Result>> {
  const resources: RecordedResource[] = [];
  const options: RecordedOptions[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        resources.push({ type, name, inputs: markSecrets(inputs) as Record<string, unknown> });
        return { id: `${name}-id`, state: { ...inputs, ...outputs(type, name) } };
      },
      call: ({ token }) => answer(token, answers),
    },
    "app-data",
    stack,
  );
  const transformation: pulumi.ResourceTransformation = ({ type, name, opts }) => {
    const {
      dependsOn,
      ignoreChanges = [],
      ...custom
    } = opts as {
      dependsOn?: unknown[];
      ignoreChanges?: string[];
      import?: string;
    };
    options.push({
      type,
      name,
      parent: opts.parent && (opts.parent as unknown as { __name: string }).__name,
      protect: opts.protect ?? false,
      retainOnDelete: opts.retainOnDelete ?? false,
      dependsOn: Array.isArray(dependsOn) ? dependsOn.length : dependsOn ? 1 : 0,
      ignoreChanges,
      import: custom.import,
    });
    return undefined;
  };
  // Pulumi takes the stack trace of every promise, and jest maps each line of each to TypeScript.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 1;
  try {
    const result = program({ transformations: [transformation] });
    await pulumi.runtime.disconnect();
    return { result, resources, options };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** The value of an output. */
export function valueOf<Value>(output: pulumi.Output<Value>): Promise<pulumi.Unwrap<Value>> {
  return new Promise((resolve) => {
    pulumi.output(output).apply(resolve);
  });
}

/** The one resource of a type, or of a type and name. */
export function only(
  program: RecordedProgram<unknown>,
  type: string,
  name?: string,
): RecordedResource {
  const found = program.resources.filter(
    (each) => each.type === type && (name === undefined || each.name === name),
  );
  expect(found).toHaveLength(1);
  return found[0] as RecordedResource;
}

/** How many resources of each type there are. */
export function countTypes(program: RecordedProgram<unknown>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type } of program.resources) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

/** Names of the resources that Pulumi refuses to delete. */
export function protectedNames(program: RecordedProgram<unknown>): string[] {
  return program.options
    .filter(({ protect }) => protect)
    .map(({ type, name }) => `${type} ${name}`)
    .sort();
}

/** The policy document in one of a resource's inputs. */
export function policyOf(resource: RecordedResource, input = "policy"): unknown {
  return JSON.parse(String(resource.inputs[input]));
}

// The key under which values that the state has to encrypt travel to the engine, and its value for them.
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

function markSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(markSecrets);
  if (typeof value !== "object" || value === null) return value;
  const object = value as Record<string, unknown>;
  if (object[SIGNATURE] === SECRET) return { secret: markSecrets(object["value"]) };
  return Object.fromEntries(Object.entries(object).map(([key, each]) => [key, markSecrets(each)]));
}

function outputs(type: string, name: string): Record<string, unknown> {
  const made: Record<string, Record<string, unknown> | undefined> = {
    "aws:kms/key:Key": {
      keyId: `${name}-key-id`,
      arn: `arn:aws:kms:${REGION}:${ACCOUNT}:key/${name}`,
    },
    "aws:cloudwatch/logGroup:LogGroup": {
      arn: `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:of-${name}`,
    },
    "aws:iam/role:Role": { arn: `arn:aws:iam::${ACCOUNT}:role/${name}` },
    "aws:rds/instance:Instance": {
      address: "db.example.eu-central-1.rds.amazonaws.com",
      resourceId: "db-RESOURCE",
      masterUserSecrets: [{ secretArn: "arn:of:managed:secret" }],
    },
    "aws:secretsmanager/secret:Secret": { arn: `arn:of:${name}` },
    "aws:secretsmanager/secretVersion:SecretVersion": { versionId: `version-of-${name}` },
    "random:index/randomPassword:RandomPassword": { result: `password-of-${name}` },
    "random:index/randomBytes:RandomBytes": { base64: "W22ZaJ0SNY7soEsUEjb6gQ==" },
    "pulumi-nodejs:dynamic/database:MigrationPlan": {
      pending: ["001_add_missing_tables"],
      newestEntry: { id: 7 },
    },
    "pulumi-nodejs:dynamic/database:Migration": { digests: { forward: { content: "digest" } } },
    "random:index/randomId:RandomId": { hex: "0a1b2c3d" },
  };
  return made[type] ?? {};
}

function answer(token: string, answers: MockedAnswers): Record<string, unknown> {
  switch (token) {
    case "aws:index/getCallerIdentity:getCallerIdentity":
      return { accountId: ACCOUNT };
    case "aws:index/getPartition:getPartition":
      return { partition: "aws" };
    case "aws:index/getRegion:getRegion":
      return { region: REGION };
    case "aws:index/getAvailabilityZones:getAvailabilityZones":
      return { names: ["eu-central-1c", "eu-central-1a", "eu-central-1b"] };
    case "aws:secretsmanager/getSecretVersion:getSecretVersion":
      return { secretString: answers.secretString ?? '{"username":"master","password":"secret"}' };
    default:
      throw new Error(`no answer to ${token}`);
  }
}
