import { type SqlFile, defaultContract } from "@app-data/rules";
import {
  type DatabaseTrialOptions,
  type ThrowawayServer,
  type Trial,
  tryDatabase,
  withThrowawayDatabase,
} from "../../trial/src";
import { applyMigrations } from "../../trial/src/server/apply-migrations";
import type { TestServer } from "../support/start-servers";

/** The superuser of this worker's server of `start-servers.ts`. */
export function superuser(): ThrowawayServer {
  const servers = JSON.parse(process.env["TEST_POSTGRES_SERVERS"] ?? "[]") as TestServer[];
  const server = servers[Number(process.env["JEST_WORKER_ID"] ?? "1") - 1];
  if (!server) throw new Error("The test servers are not there; start-servers.ts starts them.");
  const { host, port, passwords } = server;
  return { host, port, user: "postgres", password: passwords.postgres };
}

/** Applies migrations to a database of their own, and has the attacker try it. */
export function tryMigrations(
  server: ThrowawayServer,
  files: readonly SqlFile[],
  options: DatabaseTrialOptions = {},
): Promise<Trial> {
  return withThrowawayDatabase(server, defaultContract, async (client, migrator) => {
    const { refusal } = await applyMigrations(client, migrator, files, defaultContract);
    if (refusal) throw new Error(`${refusal.file}:${refusal.line}: ${refusal.message}`);
    return tryDatabase(client, options);
  });
}
