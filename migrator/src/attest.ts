import type { Schema } from "@app-data/rules";
import type { ClientBase } from "pg";
import { readSchema } from "./catalog";
import { type ConnectionSettings, withConnection } from "./connection";
import { inReadOnlyTransaction } from "./transaction";
import { sha256 } from "./trio";

/** What a live database's catalog holds, and a digest by which two readings are compared. */
export interface Attestation {
  schema: Schema;
  /** SHA-256 of {@link schema}, hexadecimal. */
  digest: string;
  /** As the server names it: `17.10`. */
  serverVersion: string;
}

/** Reads the attestation of a database in a read-only transaction. */
export function attest(settings: ConnectionSettings): Promise<Attestation> {
  return withConnection(settings, (client) =>
    inReadOnlyTransaction(client, () => readAttestation(client)),
  );
}

/** Reads the attestation on an open connection, in the transaction that it is in. */
export async function readAttestation(client: ClientBase): Promise<Attestation> {
  const schema = await readSchema(client);
  const { rows } = await client.query<{ server_version: string }>("show server_version");
  return {
    schema,
    digest: sha256(canonicalJson(schema)),
    serverVersion: rows[0]?.server_version.split(" ")[0] ?? "unknown",
  };
}

/** JSON with the keys of objects in order, so that equal values give equal texts. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
