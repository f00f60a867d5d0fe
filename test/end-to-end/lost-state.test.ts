import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { emails, KEPT, lose, newHome, removeHomes, up, write } from "./lossy-stack";

const MINUTES = 60_000;

afterAll(removeHomes, 10 * MINUTES);

describe("a stack", () => {
  it(
    "keeps its rows with its passphrase or its state gone",
    async () => {
      const home = newHome();
      await up(home);
      await write(home);

      lose(home, "passphrase");
      expect(await up(home)).toMatch(/The passphrase of this stack \(.*\) is gone/);
      expect(existsSync(path.join(home, "state.old"))).toBe(true);
      expect(await emails(home)).toEqual(KEPT);

      lose(home, "state", "state.old");
      await up(home);
      expect(await emails(home)).toEqual(KEPT);
      const config = readFileSync(path.join(home, "Pulumi.local.yaml"), "utf8");
      expect((await up(home)).match(/\d+ unchanged/)).not.toBeNull();
      expect(readFileSync(path.join(home, "Pulumi.local.yaml"), "utf8")).not.toBe(config);
    },
    30 * MINUTES,
  );
});
