import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";
import { writeText } from "./files.mjs";

const PACKAGE = fileURLToPath(new URL("../../../migrator", import.meta.url));

/** This project's migrator, with everything that it does: verify, gate, digests, stored SQL. */
export const migrator = {
  name: "migrator",
  version: () => JSON.parse(readFileSync(path.join(PACKAGE, "package.json"), "utf8")).version,
  write(directory, migrations) {
    migrations.forEach(({ name, forward, rollback, verify }, index) => {
      const file = path.join(directory, `${String(index).padStart(3, "0")}_${name}`);
      writeText(`${file}.sql`, forward);
      writeText(`${file}_rollback.sql`, rollback);
      writeText(`${file}_verify.sql`, verify);
    });
  },
  commands(directory, database) {
    const run = (...action) => ({
      command: process.execPath,
      args: [path.join(PACKAGE, "bin/migrator.mjs"), ...action],
      env: { MIGRATOR_URL: database.url },
    });
    const up = run("up", "--directory", directory);
    return { up, nothing: up, rollback: run("rollback", "--all") };
  },
};
