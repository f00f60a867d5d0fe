import path from "node:path";
import { Client } from "pg";
import { callTool } from "../support/tools";
import { processesOf } from "./local-home";
import {
  emails,
  KEPT,
  lose,
  newHome,
  remove,
  removeHomes,
  up,
  variable,
  write,
} from "./lossy-stack";
import { RunningCommand } from "./running-command";

const MINUTES = 60_000;

afterAll(removeHomes, 10 * MINUTES);

describe("a stack", () => {
  const home = newHome();

  it(
    "is made once by two first runs at once, and the second is told so",
    async () => {
      const runs = [new RunningCommand("npm run up", home), new RunningCommand("npm run up", home)];
      expect(await Promise.all(runs.map(({ code }) => code))).toEqual([0, 0]);
      const waited = runs.filter(({ output }) => output.includes(`at work on ${home}`));
      expect(waited).toHaveLength(1);
      expect(waited[0]?.output).toMatch(/Resources:\s+\d+ unchanged/);
    },
    20 * MINUTES,
  );

  it(
    "goes on with its passwords, its configuration or the files of the emulator gone",
    async () => {
      await write(home);
      const [before] = processesOf(home, "emulator");

      lose(home, "master-password", "postgres/superuser-password", "Pulumi.local.yaml", "emulator");
      const output = await up(home);
      expect(output).toMatch(/\d+ unchanged/);
      expect(output).not.toMatch(/[+-] +\d+ (?:created|deleted)/);
      expect(processesOf(home, "emulator")).toEqual([before]);
      expect(await emails(home)).toEqual(KEPT);
      const master = new Client({ connectionString: await variable(home, "MASTER_URL") });
      await master.connect();
      await master.end();

      // The database is made anew: the rows went with its files.
      const [server] = processesOf(home, "postgres");
      lose(home, "postgres");
      const { dataDirectory } = callTool<{ dataDirectory: string }>(
        "local/postgres.mjs",
        "findPostgres",
        { directory: path.join(home, "postgres") },
      );
      remove(dataDirectory);
      expect(await up(home)).toContain("The database that this stack was made on is gone.");
      expect(processesOf(home, "postgres")).not.toContain(server);
      expect(await emails(home)).toEqual([]);
    },
    30 * MINUTES,
  );

  it(
    "comes up again with everything gone, its servers still at work",
    async () => {
      remove(home);
      await up(home);
      for (const part of ["emulator", "postgres"] as const) {
        expect(processesOf(home, part)).toHaveLength(1);
      }
    },
    30 * MINUTES,
  );
});
