import { rmSync } from "node:fs";
import path from "node:path";
import { loadTool, postgresDirectories } from "./start-servers";

/** Stops the servers of the database tests and deletes their files. */
export default async function stopServers({ maxWorkers }: { maxWorkers: number }): Promise<void> {
  const directory = process.env["TEST_SERVERS_DIRECTORY"];
  if (directory === undefined) return;
  const { stopEmulator } = await loadTool("emulator");
  await stopEmulator({ directory: path.join(directory, "emulator") });
  const { removePostgres } = await loadTool("postgres");
  await Promise.all(
    postgresDirectories(directory, maxWorkers).map((server) =>
      removePostgres({ directory: server }),
    ),
  );
  rmSync(directory, { recursive: true, force: true });
}
