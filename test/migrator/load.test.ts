import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

/** What `--json` prints of `bench/migration-under-load.mjs`; times in milliseconds. */
interface Figures {
  batches: number;
  usersWithoutRow: number;
  errors: string[];
  during: { requests: number; longest: number; slowest: string };
}

const LOCK_TIMEOUT_MS = 1_000;

describe("001, applied while users sign up, learn and look at their history", () => {
  it("fails no request, makes none wait for long, and leaves no user out", async () => {
    const args = ["--users", "20000", "--sessions", "20000", "--clients", "2", "--seconds", "1"];
    const { stdout } = await promisify(execFile)(process.execPath, [
      path.resolve("bench/migration-under-load.mjs"),
      ...args,
      ...["--lock-timeout", String(LOCK_TIMEOUT_MS), "--json"],
    ]);
    const figures = JSON.parse(stdout) as Figures;
    expect(figures).toMatchObject({ errors: [], usersWithoutRow: 0 });
    expect(figures.during.longest).toBeLessThan(LOCK_TIMEOUT_MS + 100);
    // 20,000 users in batches of at most 2,000.
    expect(figures.batches).toBeGreaterThan(10);
    expect(figures.during.requests).toBeGreaterThan(100);
  }, 60_000);
});
