import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type ThrowawayServer, withThrowawayServer } from "../../trial/src/server/throwaway-server";

/** A server for the judgements of one test file, and a cache of verdicts of its own. */
export interface ScratchServer {
  server: ThrowawayServer;
  url: string;
  stop(): Promise<void>;
}

/** Starts a server, and has everything in this process judge on it. */
export async function startScratchServer(): Promise<ScratchServer> {
  const cache = mkdtempSync(path.join(tmpdir(), "app-data-verdicts-"));
  let end: () => void = () => undefined;
  let whole: Promise<void> = Promise.resolve();
  const server = await new Promise<ThrowawayServer>((resolve, reject) => {
    whole = withThrowawayServer((started) => {
      resolve(started);
      return new Promise((done) => (end = done));
    });
    whole.catch(reject);
  });
  const { user, password, host, port } = server;
  const url = `postgresql://${user}:${password}@${host}:${port}/postgres`;
  process.env["APP_DATA_SCRATCH_DATABASE_URL"] = url;
  process.env["APP_DATA_CACHE"] = cache;
  return {
    server,
    url,
    async stop() {
      delete process.env["APP_DATA_SCRATCH_DATABASE_URL"];
      delete process.env["APP_DATA_CACHE"];
      end();
      await whole;
      rmSync(cache, { recursive: true, force: true });
    },
  };
}
