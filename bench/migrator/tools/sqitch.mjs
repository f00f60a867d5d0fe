import { execFileSync } from "node:child_process";
import path from "node:path";
import { writeText } from "./files.mjs";

const PLANNED_AT = "2026-01-01T00:00:00Z Bench <bench@example.com>";

/** sqitch, which starts psql for each script; without its verify scripts. */
export const sqitch = tool("sqitch", "--no-verify");

/** sqitch with its verify scripts, which it runs after the commit. */
export const sqitchWithVerify = tool("sqitch + verify", "--verify");

function tool(name, verify) {
  return {
    name,
    version: () => execFileSync("sqitch", ["--version"], { encoding: "utf8" }).trim(),
    write(directory, migrations) {
      const scripts = { deploy: "forward", revert: "rollback", verify: "verify" };
      writeText(path.join(directory, "sqitch.conf"), "[core]\n\tengine = pg\n");
      const plan = migrations.map((migration) => `${migration.name} ${PLANNED_AT}\n`).join("");
      writeText(
        path.join(directory, "sqitch.plan"),
        `%syntax-version=1.0.0\n%project=bench\n\n${plan}`,
      );
      for (const migration of migrations) {
        for (const [folder, part] of Object.entries(scripts)) {
          // sqitch leaves transactions to the scripts.
          const end = part === "verify" ? "rollback" : "commit";
          const text = `begin;\n${migration[part]}\n${end};\n`;
          writeText(path.join(directory, folder, `${migration.name}.sql`), text);
        }
      }
    },
    commands(directory, database) {
      const run = (...action) => ({
        command: "sqitch",
        args: ["--quiet", ...action, database.address.replace(/^postgresql:/, "db:pg:")],
        cwd: directory,
        env: {
          ...database.environment,
          SQITCH_FULLNAME: "Bench",
          SQITCH_EMAIL: "bench@example.com",
          PGOPTIONS: "--client-min-messages=warning",
        },
      });
      return {
        up: run("deploy", verify),
        nothing: run("deploy", verify),
        rollback: run("revert", "-y"),
      };
    },
  };
}
