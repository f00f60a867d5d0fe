import type { Schema } from "@app-data/rules";
import type { ClientBase } from "pg";
import {
  type CatalogReadOptions,
  catalogDigest,
  readCatalog,
  schemaOf,
  withCatalog,
} from "../catalog";
import type { ConnectionSettings } from "../database/settings";
import { compareCatalogs } from "./drift/compare";
import type { Drift } from "./drift/drift";
import { expectedCatalog } from "../log/expected-catalog";
import { logExists } from "../log/log";

/** What a live database's catalog holds, and what of it the migrations did not make. */
export interface Attestation {
  /** What rules and policies judge. */
  schema: Schema;
  /** SHA-256 of the whole catalog, hexadecimal: of functions' bodies, indexes and types, too. */
  digest: string;
  /**
   * What is not as the migrations made it, a sentence each, what may widen access first; empty when
   * nothing is.
   */
  drift: string[];
  /** As the server names it: `17.10`. */
  serverVersion: string;
}

/**
 * Reads the attestation of a database in a read-only transaction.
 * @throws MigratorError MIG003 when the database cannot be reached, MIG042 when a table stays locked.
 */
export function attest(
  settings: ConnectionSettings,
  options: CatalogReadOptions = {},
): Promise<Attestation> {
  return withCatalog(settings, readAttestation, options);
}

/** Reads the attestation on an open connection, in the transaction that it is in. */
export async function readAttestation(client: ClientBase): Promise<Attestation> {
  // Without a log nothing is expected, so nothing can differ.
  const expected = (await logExists(client)) ? await expectedCatalog(client) : undefined;
  const catalog = await readCatalog(client, expected);
  const drift = expected ? compareCatalogs(expected, catalog) : [];
  return {
    schema: schemaOf(catalog),
    digest: catalogDigest(catalog),
    drift: drift.map(inWords),
    serverVersion: await serverVersion(client),
  };
}

function inWords({ classification, what }: Drift): string {
  return classification === "neutral" ? what : `${classification}: ${what}`;
}

async function serverVersion(client: ClientBase): Promise<string> {
  const { rows } = await client.query<{ server_version: string }>("show server_version");
  return rows[0]?.server_version.split(" ")[0] ?? "unknown";
}
