import { contractRoles } from "./contract";
import type {
  DatabaseFunction,
  DefaultPrivilege,
  Namespace,
  Operator,
  Role,
  Sequence,
  SessionSetting,
  Trigger,
  View,
} from "./schema";
import type { BranchPath } from "./table-model";

/** Everything of a schema that is not a table; values are never changed in place. */
export interface Objects {
  views: ReadonlyMap<string, View>;
  /** By {@link functionKey}. */
  functions: ReadonlyMap<string, DatabaseFunction>;
  roles: ReadonlyMap<string, Role>;
  schemas: ReadonlyMap<string, Namespace>;
  defaultPrivileges: readonly DefaultPrivilege[];
  settings: readonly SessionSetting[];
  operators: readonly Operator[];
  triggers: readonly Trigger[];
  sequences: readonly Sequence[];
  /** The branch that made each function for sure, by its key. */
  branches: ReadonlyMap<string, BranchPath>;
}

/** Before the first migration there are the roles of the contract and nothing else. */
export function initialObjects(): Objects {
  return {
    views: new Map(),
    functions: new Map(),
    roles: new Map(contractRoles().map((role) => [role.name, role])),
    schemas: new Map(),
    defaultPrivileges: [],
    settings: [],
    operators: [],
    triggers: [],
    sequences: [],
    branches: new Map(),
  };
}

/** What tells functions of one name apart: schema, name and the types of the input arguments. */
export function functionKey(schema: string, name: string, types: readonly string[]): string {
  return `${schema}.${name}(${types.join(",")})`;
}

/** A map with one more entry. */
export function withEntry<T>(map: ReadonlyMap<string, T>, key: string, value: T): Map<string, T> {
  return new Map(map).set(key, value);
}

/** A map without some of its entries. */
export function withoutEntries<T>(
  map: ReadonlyMap<string, T>,
  isGone: (value: T, key: string) => boolean,
): Map<string, T> {
  return new Map([...map].filter(([key, value]) => !isGone(value, key)));
}
