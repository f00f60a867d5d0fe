import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { projectTrios, trio, writeTrios } from "./migration-fixture";

/** What `--json` prints of `bench/migration-under-load.mjs`; times in milliseconds. */
interface Figures {
  batches: number;
  usersWithoutRow: number;
  errors: string[];
  /** What the measurement itself finds fault with. */
  failings: string[];
  during: { requests: number; longest: number; slowest: string };
}

const LOCK_TIMEOUT_MS = 1_000;

/** Runs the measurement. @returns its figures and exit code. */
async function measure(...args: string[]): Promise<{ figures: Figures; code: number }> {
  const program = path.resolve("bench/migration-under-load.mjs");
  const all = [program, ...args, "--lock-timeout", String(LOCK_TIMEOUT_MS), "--json"];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, all, (error, stdout) => {
      if (stdout === "") reject(new Error("It measured nothing.", { cause: error }));
      else resolve({ figures: JSON.parse(stdout) as Figures, code: Number(error?.code ?? 0) });
    });
  });
}

describe("001, applied while users sign up, learn and look at their history", () => {
  it("fails no request, makes none wait for long, and leaves no user out", async () => {
    const args = ["--users", "20000", "--sessions", "20000", "--clients", "2", "--seconds", "1"];
    const { figures, code } = await measure(...args);
    expect(figures).toMatchObject({ errors: [], usersWithoutRow: 0, failings: [] });
    expect(code).toBe(0);
    expect(figures.during.longest).toBeLessThan(LOCK_TIMEOUT_MS + 100);
    // 20,000 users in batches of at most 2,000.
    expect(figures.batches).toBeGreaterThan(10);
    expect(figures.during.requests).toBeGreaterThan(100);
  });

  // The control: what the first finds nothing of would be found.
  it("is found to hold up requests where it holds a lock for longer", async () => {
    const directory = mkdtempSync(path.join(tmpdir(), "load-"));
    try {
      const wait = `select pg_catalog.pg_sleep(${LOCK_TIMEOUT_MS / 1_000 + 0.5});`;
      const [first, { forward, rollback, verify }] = projectTrios();
      const slow = `lock table public.users in access exclusive mode;\n${wait}\n${forward.sql}`;
      const parts = { rollback: rollback.sql, verify: verify.sql };
      writeTrios(directory, [first, trio("001", slow, parts)]);
      const { figures, code } = await measure(
        ...["--users", "200", "--sessions", "200", "--clients", "1", "--seconds", "1"],
        ...["--directory", directory],
      );
      expect(code).toBe(1);
      // Whichever it was that met the lock; a busy machine adds to the 1.5 s.
      expect(figures.failings).toEqual([
        `${figures.during.slowest} took ${figures.during.longest.toFixed(1)} ms, more than 1100 ms`,
      ]);
      expect(figures.during.longest).toBeGreaterThan(1_400);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
