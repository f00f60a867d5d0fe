import type { ClientBase } from "pg";
import { catalogChanges, catalogDigest, readCatalog } from "../catalog";
import { inTransaction } from "../database/transaction";
import { appendLog } from "./log";
import { ADD_VERIFY_SQL } from "./log-tables";

const LACKS_VERIFY_SQL = `
select l.version, l.name from migrations.log l
 where not exists (
   select from pg_catalog.pg_attribute a
    where a.attrelid = 'migrations.log'::pg_catalog.regclass and a.attname = 'verify_sql')
 order by l.id desc limit 1`;

/**
 * Adds to a log of an earlier version what it lacks, and enters that as expected of the catalog. For the
 * only migrator at work, on a database that has a log.
 */
export async function upgradeLog(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ version: string; name: string }>(LACKS_VERIFY_SQL);
  const [newest] = rows;
  if (!newest) return;
  await inTransaction(client, async () => {
    const before = await readCatalog(client);
    await client.query(ADD_VERIFY_SQL);
    const after = await readCatalog(client, before);
    await appendLog(client, {
      event: "repair",
      ...newest,
      durationMs: 0,
      catalogDigest: catalogDigest(after),
      catalogChanges: catalogChanges(before, after),
      note: "The log keeps verify SQL, too, from here on.",
    });
  });
}
