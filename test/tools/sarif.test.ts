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

describe("the SARIF of npm run policy", () => {
  it("describes each rule once, and each result by one of them, at its level", () => {
    const { tool, results } = judge("test/policy/corpus/unsafe", root);
    const ids = tool.driver.rules.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(["POL001", "POL102", "POL170", "POL178"]));
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
    expect(results.length).toBeGreaterThan(20);
    for (const { ruleId, ruleIndex, level, message, partialFingerprints } of results) {
      const rule = tool.driver.rules[ruleIndex];
      expect([rule?.id, rule?.defaultConfiguration.level]).toEqual([ruleId, level]);
      expect(message.text).toMatch(/\S/);
      expect(Object.keys(partialFingerprints)).toHaveLength(1);
    }
  });

  it("names each file relative to where it was called, with its line", () => {
    const { originalUriBaseIds, results } = judge("test/policy/corpus/unsafe", root);
    expect(originalUriBaseIds["PROJECT"]?.uri).toBe(`${pathToFileURL(root)}/`);
    for (const { ruleId, locations } of results) {
      expect([ruleId, locations.length]).toEqual([ruleId, 1]);
      for (const { physicalLocation, logicalLocations } of locations) {
        const { artifactLocation, region } = physicalLocation;
        expect(artifactLocation.uriBaseId).toBe("PROJECT");
        expect(artifactLocation.uri).toMatch(/^test\/policy\/corpus\/unsafe\/[\w-]+\.sql$/);
        expect(existsSync(path.join(root, artifactLocation.uri))).toBe(true);
        expect(region.startLine).toBeGreaterThan(0);
        expect(logicalLocations[0]?.fullyQualifiedName).toMatch(/\S/);
      }
    }
  });

  it("leads to a file whatever its name is", () => {
    const directory = mkdtempSync(path.join(tmpdir(), "app-data-sarif-"));
    try {
      const file = path.join(directory, "odd #1/100% ä.sql");
      mkdirSync(path.dirname(file));
      writeFileSync(file, "create table public.open ();");
      const { originalUriBaseIds, results } = judge("odd #1", directory);
      const uri = results[0]?.locations[0]?.physicalLocation.artifactLocation.uri ?? "";
      const found = new URL(uri, originalUriBaseIds["PROJECT"]?.uri);
      expect(found.href).toBe(pathToFileURL(file).href);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
