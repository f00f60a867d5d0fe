import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

/** The name of a table or function, as the catalog holds it: case kept, no quotes. */
export interface ObjectName {
  schema: string;
  name: string;
}

/** A table whose key is the id of a signed-in user. */
export interface UsersTable extends ObjectName {
  /** The column that holds the id. */
  key: string;
}

/**
 * What a database is built on and its migrations may not choose: its roles, who the signed-in user is, and
 * which settings can be trusted. Rules, gate, policy pack and trial are handed one.
 */
export interface Contract {
  /** Runs migrations and owns what they make. */
  migrationRole: string;
  /** What applications log in as; it takes on the roles of requests by SET ROLE. */
  loginRole: string;
  /** A request without a signed-in user. */
  anonymousRole: string;
  /** Requests of signed-in users. */
  signedInRoles: string[];
  /** Back office and jobs: they read what their own policies and grants name. */
  backOfficeRoles: string[];
  /** Roles of the platform: they are not judged, and no role of an application may become one. */
  platformRoles: string[];
  /** The platform that the database runs on, whose SQL is in `trial/platforms`; null where it brings nothing. */
  platform: "supabase" | null;
  /** The schemas in which migrations and requests look for unqualified names. */
  searchPath: string[];
  /** Schemas that the platform fills. Of these only policies and triggers are judged. */
  platformSchemas: string[];
  usersTables: UsersTable[];
  /** SQL expressions whose value is the id of the signed-in user. */
  identity: string[];
  /** Functions that say who makes the request; they may read the verified claims alone. */
  identityFunctions: ObjectName[];
  /** The setting that carries the verified claims as JSON, and the claim that is the user's id. */
  claims: { setting: string; subject: string };
  /** Further settings that the application sets in each transaction, from what it has verified. */
  trustedSettings: string[];
  /** Claims that users choose themselves. */
  userWrittenClaims: string[];
  /** Tables whose rows no role may read across users, not even a back office. */
  sealedTables: ObjectName[];
  /** Tables whose rows are meant to be read by others than their owners. */
  sharedTables: ObjectName[];
  /** Row level security has to bind the owner of a table, too. */
  forceRowSecurity: boolean;
  /** The platform grants every right on tables, sequences and functions by default: policies decide. */
  platformGrants: boolean;
}

/** What this project's databases are built on. */
export const defaultContract: Contract = {
  migrationRole: "migrator",
  loginRole: "app",
  anonymousRole: "anon",
  signedInRoles: ["authenticated"],
  backOfficeRoles: ["service_role"],
  platformRoles: [
    "master",
    "rdsadmin",
    "rds_superuser",
    "rds_replication",
    "rds_password",
    "rds_extension",
    "rds_reserved",
    "rds_ad",
  ],
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
  userWrittenClaims: [
    "user_metadata",
    "raw_user_meta_data",
    "email",
    "phone",
    "name",
    "preferred_username",
  ],
  sealedTables: [{ schema: "public", name: "user_api_keys" }],
  sharedTables: [],
  forceRowSecurity: true,
  platformGrants: false,
};

const supabase: Contract = {
  ...defaultContract,
  migrationRole: "postgres",
  loginRole: "authenticator",
  platformRoles: [
    "supabase_admin",
    "supabase_auth_admin",
    "supabase_storage_admin",
    "supabase_replication_admin",
    "supabase_read_only_user",
    "supabase_realtime_admin",
    "supabase_functions_admin",
    "dashboard_user",
    "pgbouncer",
  ],
  platform: "supabase",
  searchPath: ["public", "extensions"],
  platformSchemas: [
    "auth",
    "storage",
    "extensions",
    "realtime",
    "vault",
    "graphql",
    "graphql_public",
    "pgbouncer",
    "supabase_functions",
    "supabase_migrations",
  ],
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
export const contractFile = "policy/contract.json";

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
  if (!isRecord(value)) throw new ContractError("is not a JSON object");
  const { extends: preset = "default", ...given } = value;
  const base = typeof preset === "string" ? contractPresets.get(preset) : undefined;
  if (!base) throw new ContractError(`extends ${JSON.stringify(preset)}, which is no preset`);
  for (const name of Object.keys(given)) {
    if (!(name in base)) throw new ContractError(`has the field ${name}, which is unknown`);
  }
  const field = <T>(name: string, fallback: T, read: (value: unknown) => T | undefined): T => {
    if (!(name in given)) return fallback;
    const found = read(given[name]);
    if (found === undefined)
      throw new ContractError(`has ${JSON.stringify(given[name])} for ${name}`);
    return found;
  };
  return {
    migrationRole: field("migrationRole", base.migrationRole, text),
    loginRole: field("loginRole", base.loginRole, text),
    anonymousRole: field("anonymousRole", base.anonymousRole, text),
    signedInRoles: field("signedInRoles", base.signedInRoles, texts),
    backOfficeRoles: field("backOfficeRoles", base.backOfficeRoles, texts),
    platformRoles: field("platformRoles", base.platformRoles, texts),
    platform: field("platform", base.platform, platform),
    searchPath: field("searchPath", base.searchPath, texts),
    platformSchemas: field("platformSchemas", base.platformSchemas, texts),
    usersTables: field("usersTables", base.usersTables, listOf(usersTable)),
    identity: field("identity", base.identity, texts),
    identityFunctions: field("identityFunctions", base.identityFunctions, listOf(objectName)),
    claims: field("claims", base.claims, claims),
    trustedSettings: field("trustedSettings", base.trustedSettings, texts),
    userWrittenClaims: field("userWrittenClaims", base.userWrittenClaims, texts),
    sealedTables: field("sealedTables", base.sealedTables, listOf(objectName)),
    sharedTables: field("sharedTables", base.sharedTables, listOf(objectName)),
    forceRowSecurity: field("forceRowSecurity", base.forceRowSecurity, flag),
    platformGrants: field("platformGrants", base.platformGrants, flag),
  };
}

/** The roles that requests run as, the anonymous one first. */
export function requestRolesOf(contract: Contract): string[] {
  return [contract.anonymousRole, ...contract.signedInRoles, ...contract.backOfficeRoles];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function platform(value: unknown): Contract["platform"] | undefined {
  return value === "supabase" || value === null ? value : undefined;
}

function flag(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

function listOf<T>(read: (value: unknown) => T | undefined): (value: unknown) => T[] | undefined {
  return (value) => {
    if (!Array.isArray(value)) return undefined;
    const found = value.map((item) => read(item)).filter((item) => item !== undefined);
    return found.length === value.length ? found : undefined;
  };
}

const texts = listOf(text);

function objectName(value: unknown): ObjectName | undefined {
  if (!isRecord(value)) return undefined;
  const [schema, name] = [text(value["schema"]), text(value["name"])];
  return schema === undefined || name === undefined ? undefined : { schema, name };
}

function usersTable(value: unknown): UsersTable | undefined {
  const name = objectName(value);
  const key = isRecord(value) ? text(value["key"]) : undefined;
  return name && key !== undefined ? { ...name, key } : undefined;
}

function claims(value: unknown): Contract["claims"] | undefined {
  if (!isRecord(value)) return undefined;
  const [setting, subject] = [text(value["setting"]), text(value["subject"])];
  return setting === undefined || subject === undefined ? undefined : { setting, subject };
}
