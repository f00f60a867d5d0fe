import { removeServers } from "./start-servers";

/** Stops the servers of the database tests and deletes their files. */
export default async function stopServers(): Promise<void> {
  const directory = process.env["TEST_SERVERS_DIRECTORY"];
  if (directory !== undefined) await removeServers(directory);
}
