import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { timestamp, writeText } from "./files.mjs";

/** dbmate's own program, without the Node.js process that its npm package starts it from. */
function program() {
  const { resolve } = createRequire(import.meta.url);
  return resolve(`@dbmate/${process.platform}-${process.arch}/bin/dbmate`);
}

/** dbmate; it takes no lock. It undoes one migration a call: a rollback of all is as many processes. */
export const dbmate = {
  name: "dbmate",
  version: () => execFileSync(program(), ["--version"], { encoding: "utf8" }).trim(),
  write(directory, migrations) {
    migrations.forEach(({ name, forward, rollback }, index) =>
      writeText(
        path.join(directory, `${timestamp(index)}_${name}.sql`),
        `-- migrate:up\n${forward}\n-- migrate:down\n${rollback}`,
      ),
    );
  },
  commands(directory, database, count) {
    const run = (action) => ({
      command: program(),
      args: ["--no-dump-schema", "--migrations-dir", directory, action],
      env: { DATABASE_URL: `${database.url}?sslmode=disable` },
    });
    return {
      up: run("migrate"),
      nothing: run("migrate"),
      rollback: { ...run("rollback"), times: count },
    };
  },
};
