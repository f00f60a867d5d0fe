import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { schemaRules } from "../../rules/src";

const root = path.resolve(__dirname, "../..");
const main = path.join(root, "tools/main.mjs");

interface Log {
  $schema: string;
  version: string;
  runs: {
    tool: { driver: { name: string; rules: Rule[] } };
    originalUriBaseIds: Record<string, { uri: string }>;
    results: Result[];
  }[];
}
interface Rule {
  id: string;
  shortDescription: { text: string };
  help: { text: string };
  defaultConfiguration: { level: string };
}
interface Result {
  ruleId: string;
  ruleIndex: number;
  level: string;
  message: { text: string };
  locations: {
    physicalLocation: {
      artifactLocation: { uri: string; uriBaseId?: string };
      region: { startLine: number };
    };
    logicalLocations: { fullyQualifiedName: string }[];
  }[];
  partialFingerprints: Record<string, string>;
}

/** The one run of the log of a folder. */
function judge(directory: string, cwd: string) {
  const args = [main, "policy", "--sql", directory, "--sarif"];
  const { stdout, status } = spawnSync(process.execPath, args, {
    cwd,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  expect(status).toBe(1);
  const log = JSON.parse(stdout) as Log;
  expect([log.version, log.runs.length]).toEqual(["2.1.0", 1]);
  expect(log.$schema).toContain("sarif-2.1.0");
  const [run] = log.runs;
  if (!run) throw new Error("The log has no run.");
  return run;
}

const FILES = {
  "001_notes.sql": `create table public.notes (
      id uuid primary key, user_id uuid not null references public.users (id) on delete cascade
    );
    alter table public.notes enable row level security, force row level security;
    create policy all_of_them on public.notes for select to authenticated using (true);
    grant select on public.notes to authenticated, anon;`,
  "002_more.sql": `select 1;
    create table public.open (id integer);
    create function public.now_utc() returns timestamptz language sql as 'select now()';
    alter default privileges in schema public grant select on tables to anon;`,
};

describe("the SARIF of npm run policy", () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), "app-data-sarif-"));
    mkdirSync(path.join(directory, "sql"));
    for (const [name, sql] of Object.entries(FILES))
      writeFileSync(path.join(directory, "sql", name), sql);
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  it("describes each rule once, and each result by one of them", () => {
    const { tool, results } = judge("sql", directory);
    const ids = tool.driver.rules.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(["POL001", "POL151", "POL170", "POL178"]));
    for (const { code, level } of schemaRules) {
      const rule = tool.driver.rules.find(({ id }) => id === code);
      const expected = level === "mandatory" ? "error" : "warning";
      expect([code, rule?.defaultConfiguration.level]).toEqual([code, expected]);
    }
    for (const { help, shortDescription } of tool.driver.rules) {
      expect(shortDescription.text).toMatch(/\.$/);
      const [page = ""] = /docs\/policies\/[\w-]+\.md/.exec(help.text) ?? [];
      expect([page, existsSync(path.join(root, page))]).toEqual([page, true]);
    }
    expect(new Set(results.map(({ level }) => level))).toEqual(new Set(["error", "warning"]));
    for (const { ruleId, ruleIndex, message, partialFingerprints } of results) {
      expect(tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
      expect(message.text).toMatch(/\S/);
      expect(Object.keys(partialFingerprints)).toHaveLength(1);
    }
  });

  it("names each file relative to where it was called, with its line", () => {
    const { originalUriBaseIds, results } = judge("sql", directory);
    expect(originalUriBaseIds["PROJECT"]?.uri).toBe(`${pathToFileURL(directory)}/`);
    const places = results.map(({ ruleId, locations }) => {
      expect([ruleId, locations.length]).toEqual([ruleId, 1]);
      const [location] = locations;
      const { artifactLocation, region } = location?.physicalLocation ?? {};
      expect(artifactLocation?.uriBaseId).toBe("PROJECT");
      expect(location?.logicalLocations[0]?.fullyQualifiedName).toMatch(/\S/);
      return `${ruleId} ${artifactLocation?.uri}:${region?.startLine}`;
    });
    expect(places).toEqual(
      expect.arrayContaining([
        "POL110 sql/001_notes.sql:5",
        "POL116 sql/001_notes.sql:1",
        "POL101 sql/002_more.sql:2",
        "POL120 sql/002_more.sql:3",
        "POL125 sql/002_more.sql:4",
        "POL151 sql/001_notes.sql:1",
      ]),
    );
  });

  it("leads to a file whatever its name is", () => {
    const file = path.join(directory, "odd #1/100% ä.sql");
    mkdirSync(path.dirname(file));
    writeFileSync(file, "create table public.open ();");
    const { originalUriBaseIds, results } = judge("odd #1", directory);
    const uri = results[0]?.locations[0]?.physicalLocation.artifactLocation.uri ?? "";
    const found = new URL(uri, originalUriBaseIds["PROJECT"]?.uri);
    expect(found.href).toBe(pathToFileURL(file).href);
  });
});
