import type { Contract } from "@app-data/rules";
import type { Catalog, Relation, Rights } from "../rows/catalog";
import type { Identity } from "./identities";
import { quoteIdentifier } from "../rows/statements";

/** What a right lets its holder do that no policy limits. */
export type PrivilegeAttack = "truncate" | "trigger" | "reference" | "unprotect" | "drop";

/** What messages say of those that succeeded. */
export const PRIVILEGE_WORDS: Record<PrivilegeAttack, string> = {
  truncate: "truncated the table; nobody but the owner may",
  trigger: "put a trigger on the table; nobody but the owner may",
  reference:
    "made a foreign key to the table, which tells what keys exist; nobody but the owner may",
  unprotect:
    "switched row level security off; no role that the application can become may own the table",
  drop: "dropped the table; no role that the application can become may own its schema",
};

/** The statements of an identity that need a right on the table, or the rights of its owner. */
export function privilegeAttacks(
  identity: Identity,
  { sql, kind, uniques, columns }: Relation,
  rights: Rights,
  { roles }: Catalog,
  { platformGrants }: Contract,
): { attack: PrivilegeAttack; shown: string }[] {
  if (identity.isTrick || identity.readsOnly || kind === "f") return [];
  const attacks: { attack: PrivilegeAttack; shown: string }[] = [];
  if (rights.owns)
    attacks.push({ attack: "unprotect", shown: `alter table ${sql} disable row level security` });
  else if (rights.ownsSchema) attacks.push({ attack: "drop", shown: `drop table ${sql} cascade` });
  // A platform gives these to its roles on every table, and keeps requests from using them.
  if (platformGrants) return attacks;
  if (rights.truncate) attacks.push({ attack: "truncate", shown: `truncate ${sql}` });
  if (rights.trigger) {
    const shown =
      `create trigger app_data_trial before update on ${sql} for each row ` +
      "execute function suppress_redundant_updates_trigger()";
    attacks.push({ attack: "trigger", shown });
  }
  const schema = roles.find(({ name }) => name === identity.role)?.creatableSchemas[0];
  const key = columns.find(({ name }) => uniques.some((unique) => unique.join() === name));
  if (rights.references && schema !== undefined && key) {
    const column = `probe ${key.type} references ${sql} (${quoteIdentifier(key.name)})`;
    attacks.push({
      attack: "reference",
      shown: `create table ${schema}.app_data_trial (${column})`,
    });
  }
  return attacks;
}
