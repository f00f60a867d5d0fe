import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";
import { timestamp, writeText } from "./files.mjs";

const PACKAGE = fileURLToPath(new URL("../node_modules/node-pg-migrate", import.meta.url));

/** node-pg-migrate with SQL files, a transaction a migration; quiet, since its output costs it time. */
export const nodePgMigrate = {
  name: "node-pg-migrate",
  version: () => JSON.parse(readFileSync(path.join(PACKAGE, "package.json"), "utf8")).version,
  write(directory, migrations) {
    migrations.forEach(({ name, forward, rollback }, index) =>
      writeText(
        path.join(directory, `${timestamp(index)}_${name}.sql`),
        `-- Up Migration\n${forward}\n-- Down Migration\n${rollback}`,
      ),
    );
  },
  commands(directory, database) {
    const run = (...action) => ({
      command: process.execPath,
      args: [
        path.join(PACKAGE, "bin/node-pg-migrate.js"),
        ...action,
        ...["--migrations-dir", directory, "--no-single-transaction", "--no-verbose"],
      ],
      env: { DATABASE_URL: database.url },
    });
    return { up: run("up"), nothing: run("up"), rollback: run("down", "99999") };
  },
};
