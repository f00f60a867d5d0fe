import type { ThrowawayServer } from "../../trial/src";
import type { TestServer } from "../support/start-servers";

/** The superuser of this worker's server of `start-servers.ts`. */
export function superuser(): ThrowawayServer {
  const servers = JSON.parse(process.env["TEST_POSTGRES_SERVERS"] ?? "[]") as TestServer[];
  const server = servers[Number(process.env["JEST_WORKER_ID"] ?? "1") - 1];
  if (!server) throw new Error("The test servers are not there; start-servers.ts starts them.");
  const { host, port, passwords } = server;
  return { host, port, user: "postgres", password: passwords.postgres };
}
