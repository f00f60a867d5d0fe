import { execFileSync } from "node:child_process";
import path from "node:path";
import { timestamp, writeText } from "./files.mjs";

/** Plain psql: one process, each file in a transaction of its own. It keeps no record. */
export const psql = tool("psql", ["forward"]);

/** The same with the verify file in the transaction: what checking costs the server by itself. */
export const psqlWithVerify = tool("psql + verify", ["forward", "verify"]);

function tool(name, parts) {
  return {
    name,
    version: () => execFileSync("psql", ["--version"], { encoding: "utf8" }).trim(),
    write(directory, migrations) {
      const files = (part) => (_, index) => path.join(directory, `${timestamp(index)}_${part}.sql`);
      for (const part of ["forward", "verify", "rollback"]) {
        const names = migrations.map(files(part));
        migrations.forEach((migration, index) => writeText(names[index], migration[part]));
      }
      const script = (order, included) =>
        order
          .map((index) => included.map((part) => `\\i ${files(part)(undefined, index)}\n`).join(""))
          .map((includes) => `begin;\n${includes}commit;\n`)
          .join("");
      const forward = migrations.map((_, index) => index);
      writeText(path.join(directory, "up.sql"), script(forward, parts));
      writeText(path.join(directory, "down.sql"), script(forward.toReversed(), ["rollback"]));
    },
    commands(directory, database) {
      const run = (file) => ({
        command: "psql",
        args: [
          "-X",
          "-q",
          "-v",
          "ON_ERROR_STOP=1",
          "-f",
          path.join(directory, file),
          database.address,
        ],
        env: database.environment,
      });
      return { up: run("up.sql"), rollback: run("down.sql") };
    },
  };
}
