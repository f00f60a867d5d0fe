import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import {
  type Decoded,
  ShapeError,
  boolean,
  list,
  nullable,
  object,
  objectName,
  oneOf,
  text,
} from "./shape";

/** A table whose key is the id of a signed-in user. */
const usersTable = object({
  schema: text,
  name: text,
  /** The column that holds the id. */
  key: text,
});

/**
 * What a database is built on and its migrations may not choose: its roles, who the signed-in user is, and
 * which settings can be trusted. Rules, gate, policy pack and trial are handed one.
 */
export type Contract = Decoded<typeof contract>;
const contract = object({
  /** Runs migrations and owns what they make. */
  migrationRole: text,
  /** What applications log in as; it takes on the roles of requests by SET ROLE. */
  loginRole: text,
  /** A request without a signed-in user. */
  anonymousRole: text,
  /** Requests of signed-in users. */
  signedInRoles: list(text),
  /** Back office and jobs: they read what their own policies and grants name. */
  backOfficeRoles: list(text),
  /** Roles of the platform: they are not judged, and no role of an application may become one. */
  platformRoles: list(text),
  /** The platform that the database runs on, whose SQL is in `trial/platforms`; null where it brings nothing. */
  platform: nullable(oneOf("supabase")),
  /** The schemas in which migrations and requests look for unqualified names. */
  searchPath: list(text),
  /** Schemas that the platform fills. Of these only policies and triggers are judged. */
  platformSchemas: list(text),
  usersTables: list(usersTable),
  /** SQL expressions whose value is the id of the signed-in user. */
  identity: list(text),
  /** Functions that say who makes the request; they may read the verified claims alone. */
  identityFunctions: list(objectName),
  /** The setting that carries the verified claims as JSON, and the claim that is the user's id. */
  claims: object({ setting: text, subject: text }),
  /** Further settings that the application sets in each transaction, from what it has verified. */
  trustedSettings: list(text),
  /** Claims that users choose themselves. */
  userWrittenClaims: list(text),
  /** Tables whose rows no role may read across users, not even a back office. */
  sealedTables: list(objectName),
  /** Tables whose rows are meant to be read by others than their owners. */
  sharedTables: list(objectName),
  /** Row level security has to bind the owner of a table, too. */
  forceRowSecurity: boolean,
  /** The platform grants every right on tables, sequences and functions by default: policies decide. */
  platformGrants: boolean,
});

const words = (text: string) => text.split(" ");

/** What this project's databases are built on. */
export const defaultContract: Contract = {
  migrationRole: "migrator",
  loginRole: "app",
  anonymousRole: "anon",
  signedInRoles: ["authenticated"],
  backOfficeRoles: ["service_role"],
  platformRoles: words(
    "master rdsadmin rds_superuser rds_replication rds_password rds_extension rds_reserved rds_ad",
  ),
  platform: null,
  searchPath: [],
  platformSchemas: [],
  usersTables: [{ schema: "public", name: "users", key: "id" }],
  identity: [
    "auth.uid()",
    "auth.jwt() ->> 'sub'",
    "current_setting('request.jwt.claims')::jsonb ->> 'sub'",
  ],
  identityFunctions: ["uid", "jwt", "role"].map((name) => ({ schema: "auth", name })),
  claims: { setting: "request.jwt.claims", subject: "sub" },
  trustedSettings: [],
  userWrittenClaims: words("user_metadata raw_user_meta_data email phone name preferred_username"),
  sealedTables: [{ schema: "public", name: "user_api_keys" }],
  sharedTables: [],
  forceRowSecurity: true,
  platformGrants: false,
};

const supabase: Contract = {
  ...defaultContract,
  migrationRole: "postgres",
  loginRole: "authenticator",
  platformRoles: words(
    "supabase_admin supabase_auth_admin supabase_storage_admin supabase_replication_admin supabase_read_only_user supabase_realtime_admin supabase_functions_admin dashboard_user pgbouncer",
  ),
  platform: "supabase",
  searchPath: ["public", "extensions"],
  platformSchemas: words(
    "auth storage extensions realtime vault graphql graphql_public pgbouncer supabase_functions supabase_migrations",
  ),
  usersTables: [{ schema: "auth", name: "users", key: "id" }],
  identityFunctions: ["uid", "jwt", "role", "email"].map((name) => ({ schema: "auth", name })),
  sealedTables: [],
  forceRowSecurity: false,
  platformGrants: true,
};

/** Contracts that come with the rules, by name. */
export const contractPresets: ReadonlyMap<string, Contract> = new Map([
  ["default", defaultContract],
  ["supabase", supabase],
]);

/** That a contract cannot be used. */
export class ContractError extends Error {
  readonly code = "CFG046";

  constructor(problem: string, options?: ErrorOptions) {
    super(
      `CFG046 The contract ${problem}. docs/policies/contract.md describes its fields; correct it and run again.`,
      options,
    );
    this.name = "ContractError";
  }
}

/**
 * Reads a contract by the name of a preset or from a JSON file.
 * @throws {ContractError} when there is none, or it is no contract.
 */
export function readContract(nameOrFile: string): Contract {
  const preset = contractPresets.get(nameOrFile);
  if (preset) return preset;
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(nameOrFile, "utf8"));
  } catch (cause) {
    const presets = [...contractPresets.keys()].join(", ");
    throw new ContractError(
      `${nameOrFile} is neither a preset (${presets}) nor a readable JSON file`,
      { cause },
    );
  }
  return parseContract(value);
}

/** Where a project's own contract stands, from its root; without the file it is {@link defaultContract}. */
const contractFile = "policy/contract.json";

/**
 * Reads the contract of a project.
 * @param directory its root.
 * @throws {ContractError} when the file is no contract.
 */
export function projectContract(directory: string): Contract {
  const file = path.join(directory, contractFile);
  return existsSync(file) ? readContract(file) : defaultContract;
}

/**
 * Makes a contract of a JSON value: fields that it leaves out are those of the preset that `extends` names,
 * or of {@link defaultContract}.
 * @throws {ContractError} when a field is unknown or of another type.
 */
export function parseContract(value: unknown): Contract {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ContractError("is not a JSON object");
  const given: Record<string, unknown> = { extends: "default", ...value };
  const base = contractPresets.get(String(given["extends"]));
  if (!base)
    throw new ContractError(`extends ${JSON.stringify(given["extends"])}, which is no preset`);
  const odd = Object.keys(value).find((name) => name !== "extends" && !(name in base));
  if (odd !== undefined) throw new ContractError(`has the field ${odd}, which is unknown`);
  try {
    return contract({ ...base, ...value }, "");
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause;
    const [name = ""] = cause.path.split(/[.[]/);
    throw new ContractError(
      `has ${JSON.stringify(given[name])} for ${name}; ${cause.path} must be ${cause.required}`,
      { cause },
    );
  }
}

/** Whether a call is of a function that says who makes the request. */
export function isIdentityFunction(
  call: { schema?: string | undefined; name: string },
  { identityFunctions }: Contract,
): boolean {
  return identityFunctions.some(({ schema, name }) => schema === call.schema && name === call.name);
}

/** The roles that requests run as, the anonymous one first. */
export function requestRolesOf(contract: Contract): string[] {
  return [contract.anonymousRole, ...contract.signedInRoles, ...contract.backOfficeRoles];
}
