import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import type { Verdict } from "./verdict";

const MOST_KEPT = 100;

/**
 * The digest under which a verdict is kept: of what is judged, and of the code that judges.
 * @param judged JSON of all that the verdict depends on besides the code.
 */
export function verdictKey(judged: unknown): string {
  const hash = createHash("sha256").update(JSON.stringify(judged));
  const code = [
    path.join(__dirname, ".."),
    path.join(__dirname, "../../platforms"),
    path.dirname(require.resolve("@app-data/rules")),
    path.dirname(require.resolve("@app-data/migrator/judged-database")),
  ];
  for (const file of code.flatMap(filesOf)) hash.update(`\n${file}\n`).update(readFileSync(file));
  return hash.digest("hex");
}

/** The verdict of a key; undefined where none is kept, or what is kept cannot be read. */
export function readVerdict(key: string): Verdict | undefined {
  const file = path.join(cacheDirectory(), `${key}.json`);
  if (!existsSync(file)) return undefined;
  try {
    const verdict: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (!isVerdict(verdict)) return undefined;
    const now = new Date();
    utimesSync(file, now, now);
    return verdict;
  } catch {
    return undefined;
  }
}

/** Keeps a verdict, and of all that are kept those that were used last. */
export function keepVerdict(key: string, verdict: Verdict): void {
  const directory = cacheDirectory();
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const unfinished = path.join(directory, `${key}.${process.pid}.new`);
  writeFileSync(unfinished, JSON.stringify(verdict), { mode: 0o600 });
  renameSync(unfinished, path.join(directory, `${key}.json`));
  const usedAt = (name: string) =>
    statSync(path.join(directory, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const kept = readdirSync(directory).map((name) => ({ name, at: usedAt(name) }));
  for (const { name } of kept.sort((a, b) => b.at - a.at).slice(MOST_KEPT))
    rmSync(path.join(directory, name), { force: true });
}

/** The same root as that of the engine; see tools/cache.mjs. */
function cacheDirectory(): string {
  const { APP_DATA_CACHE: own, XDG_CACHE_HOME: user } = process.env;
  const root = own || path.join(user || path.join(homedir(), ".cache"), "app-data");
  return path.resolve(root, "verdicts");
}

function filesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true })
    .map((name) => path.join(directory, String(name)))
    .filter((file) => /(?<!\.d)\.(?:js|ts|sql)$/.test(file))
    .sort();
}

function isVerdict(value: unknown): value is Verdict {
  return (
    typeof value === "object" &&
    value !== null &&
    "findings" in value &&
    Array.isArray(value.findings) &&
    "limits" in value &&
    Array.isArray(value.limits)
  );
}
