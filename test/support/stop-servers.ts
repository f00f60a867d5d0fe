import path from "node:path";
import { loadTool } from "./start-servers";

/** Stops the servers of the database tests and deletes their files. */
export default async function stopServers(): Promise<void> {
  const directory = process.env["TEST_SERVERS_DIRECTORY"];
  if (directory === undefined) return;
  const { stopEmulator } = await loadTool("emulator");
  await stopEmulator({ directory: path.join(directory, "emulator") });
  const { removePostgres } = await loadTool("postgres");
  await removePostgres({ directory });
}
