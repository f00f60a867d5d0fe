import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { CODES, MigratorError } from "../errors";
import { isTime } from "../files/version";

/** A migration of another tool. */
export interface SourceMigration {
  /** Its file, as messages name it. */
  file: string;
  /** What it is called, in words. */
  title: string;
  /** Its number, where that is a time, `YYYYMMDDhhmmss`. */
  time: string | undefined;
  forward: string;
  rollback: string | undefined;
}

/** What a folder of another tool holds. */
export interface Source {
  /** In the order in which they run. */
  migrations: SourceMigration[];
  /** What keeps the folder from being imported, a sentence each. */
  problems: string[];
  /** What is left out or made otherwise, a sentence each. */
  notes: string[];
}

/** The tools whose folders can be imported. */
export const TOOLS = ["flyway", "supabase", "sqitch", "node-pg-migrate"] as const;

/** One of {@link TOOLS}. */
export type Tool = (typeof TOOLS)[number];

/**
 * Reads the migrations of another tool.
 * @throws MigratorError MIG023 when the folder holds none.
 */
export function readSource(tool: Tool, directory: string): Source {
  if (!existsSync(directory))
    throw new MigratorError(CODES.notTranslatable, `${directory} does not exist.`);
  const source = READERS[tool](directory);
  if (source.migrations.length + source.problems.length > 0) return source;
  throw new MigratorError(
    CODES.notTranslatable,
    `${directory} holds no migration of ${tool}: ${EXPECTED[tool]}.`,
  );
}

const EXPECTED: Readonly<Record<Tool, string>> = {
  flyway: "they are called V1__name.sql",
  supabase: "they are called 20260101120000_name.sql",
  sqitch: "they are in sqitch.plan, with deploy/, revert/ and verify/ beside it",
  "node-pg-migrate": "they are called 1700000000000_name.sql",
};

const READERS: Readonly<Record<Tool, (directory: string) => Source>> = {
  flyway,
  supabase,
  sqitch,
  "node-pg-migrate": nodePgMigrate,
};

function flyway(directory: string): Source {
  const source = emptySource();
  const files = filesIn(directory);
  const undo = new Map(
    files.flatMap((file) => {
      const version = /^U([\d._]+?)__.+\.sql$/.exec(path.basename(file))?.[1];
      return version === undefined ? [] : [[flywayVersion(version).join("."), file]];
    }),
  );
  const versioned: { version: number[]; migration: SourceMigration }[] = [];
  const repeatable: SourceMigration[] = [];
  for (const file of files) {
    const [, kind, version = "", title = ""] =
      /^([VR])([\d._]*?)__(.+)\.sql$/.exec(path.basename(file)) ?? [];
    const forward = () => textOf(directory, file);
    if (kind === "V") {
      const parts = flywayVersion(version);
      const undoing = undo.get(parts.join("."));
      const rollback = undoing && textOf(directory, undoing);
      const time = timeOf(version);
      versioned.push({
        version: parts,
        migration: { file, title, time, forward: forward(), rollback },
      });
    } else if (kind === "R") {
      repeatable.push({ file, title, time: undefined, forward: forward(), rollback: undefined });
      source.notes.push(
        `${file} is repeatable: it is imported once, after the others; write its next change as a migration.`,
      );
    } else if (![...undo.values()].includes(file)) {
      source.notes.push(`${file} is no versioned migration, and is left out.`);
    }
  }
  versioned.sort((a, b) => compareParts(a.version, b.version));
  repeatable.sort((a, b) => (a.title < b.title ? -1 : 1));
  source.migrations.push(...versioned.map(({ migration }) => migration), ...repeatable);
  for (const { file, forward, rollback = "" } of source.migrations) {
    for (const placeholder of new Set(`${forward}\n${rollback}`.match(/\$\{[^}\s]+\}/g))) {
      source.problems.push(`${file}: ${placeholder} is a placeholder: write its value.`);
    }
  }
  return source;
}

function supabase(directory: string): Source {
  const source = emptySource();
  const inner = path.join(directory, "migrations");
  const folder = existsSync(inner) ? inner : directory;
  for (const file of filesIn(folder)) {
    const [, time, title] = /^(\d{14})_(.+)\.sql$/.exec(file) ?? [];
    if (time === undefined || title === undefined) {
      source.notes.push(`${file} is no migration, and is left out.`);
      continue;
    }
    const forward = textOf(folder, file);
    source.migrations.push({ file, title, time, forward, rollback: undefined });
  }
  return source;
}

function sqitch(directory: string): Source {
  const source = emptySource();
  const plan = path.join(directory, "sqitch.plan");
  if (!existsSync(plan)) return source;
  const lines = readFileSync(plan, "utf8")
    .split("\n")
    .map((line) => line.replace(/#.*$/, "").trim())
    .filter((line) => line !== "" && !line.startsWith("%"));
  const words = lines.map((line) => line.replace(/^[+]\s*/, "").split(/\s+/)[0] ?? "");
  for (const [index, name] of words.entries()) {
    if (name.startsWith("@")) continue;
    // One that was reworked later keeps its files under the name of the tag that came after it.
    const isReworked = words.includes(name, index + 1);
    const tag = words.slice(index).find((word) => word.startsWith("@")) ?? "";
    const file = `${isReworked ? name + tag : name}.sql`;
    const deploy = path.join("deploy", file);
    if (!existsSync(path.join(directory, deploy))) {
      source.problems.push(`${deploy}, which sqitch.plan names, does not exist.`);
      continue;
    }
    const revert = path.join("revert", file);
    source.migrations.push({
      file: deploy,
      title: name,
      time: undefined,
      forward: textOf(directory, deploy),
      rollback: existsSync(path.join(directory, revert)) ? textOf(directory, revert) : undefined,
    });
    if (existsSync(path.join(directory, "verify", file))) {
      source.notes.push(`${path.join("verify", file)} is left out: the verify file is generated.`);
    }
  }
  return source;
}

function nodePgMigrate(directory: string): Source {
  const source = emptySource();
  for (const file of filesIn(directory)) {
    const [, digits, title, kind] = /^(\d+)[_-](.+?)(\.sql|\.[cm]?[jt]s)$/.exec(file) ?? [];
    if (digits === undefined || title === undefined) {
      source.notes.push(`${file} is no migration, and is left out.`);
    } else if (kind !== ".sql") {
      source.problems.push(
        `${file} is a program: put the SQL that \`node-pg-migrate up --dry-run\` prints of it into ` +
          `${file.replace(/\.[cm]?[jt]s$/, ".sql")} in a copy of the folder.`,
      );
    } else {
      const text = textOf(directory, file);
      const [up, down] = [UP, DOWN].map((mark) => text.search(mark)) as [number, number];
      const part = (start: number, other: number) =>
        text.slice(start, other > start ? other : undefined);
      source.migrations.push({
        file,
        title,
        time: timeOf(digits),
        forward: up < 0 ? part(0, down) : part(up, down),
        rollback: down < 0 ? undefined : part(down, up),
      });
    }
  }
  return source;
}

const UP = /^\s*--[\s-]*up\s+migration/im;
const DOWN = /^\s*--[\s-]*down\s+migration/im;

function emptySource(): Source {
  return { migrations: [], problems: [], notes: [] };
}

function flywayVersion(version: string): number[] {
  const parts = version.split(/[._]/).map(Number);
  // 1.0 is 1.
  while (parts.length > 1 && parts.at(-1) === 0) parts.pop();
  return parts;
}

function compareParts(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function timeOf(digits: string): string | undefined {
  return /^\d+$/.test(digits) && isTime(digits) ? digits : undefined;
}

/** Files below a folder, by the numbers in their paths. */
function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
    .sort(new Intl.Collator("en", { numeric: true }).compare);
}

function textOf(directory: string, file: string): string {
  return readFileSync(path.join(directory, file), "utf8")
    .replace(/^\uFEFF/, "")
    .replaceAll("\r\n", "\n");
}
