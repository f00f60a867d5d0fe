import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { callTool } from "../support/tools";

const variables = { ...process.env };
let home: string;
let packed: string;

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), "app-data-node-"));
  process.env["APP_DATA_CACHE"] = path.join(home, "cache");
  packed = path.join(home, "package");
  mkdirSync(path.join(packed, "bin"), { recursive: true });
  writeFileSync(path.join(packed, "package.json"), '{"name":"small-node","version":"24.9.9"}');
  writeProgram("echo v24.9.9");
});
afterEach(() => {
  process.env = { ...variables };
  rmSync(home, { recursive: true, force: true });
});

/** What the package has as its `node`, in place of 120 MB. */
function writeProgram(line: string) {
  writeFileSync(path.join(packed, "bin/node"), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
}

/** The checksum that npm gives the package. */
function integrity(): string {
  const args = ["pack", packed, "--dry-run", "--json"];
  const said: unknown = JSON.parse(execFileSync("npm", args, { encoding: "utf8" }));
  return (said as [{ integrity: string }])[0].integrity;
}

function ensureNode(pin: { package: string; integrity: string }): string {
  const pins = { 24: { "plan9-x64": pin } };
  return callTool("node.mjs", "ensureNode", { major: "24", platform: "plan9-x64", pins });
}

describe("a Node.js for the tests", () => {
  it("is fetched by npm once and kept in the user's cache", () => {
    const pin = { package: packed, integrity: integrity() };
    const folder = ensureNode(pin);
    expect(execFileSync(path.join(folder, "node"), { encoding: "utf8" })).toBe("v24.9.9\n");
    expect(readdirSync(path.join(home, "cache"))).toHaveLength(1);
    rmSync(packed, { recursive: true });
    expect(ensureNode(pin)).toBe(folder);
  });

  it("is not kept when its checksum is another", () => {
    const pin = { package: packed, integrity: integrity() };
    writeProgram("echo stranger");
    expect(() => ensureNode(pin)).toThrow(
      `has the checksum ${integrity()}, and tools/node-versions.json requires ${pin.integrity}.`,
    );
    expect(readdirSync(path.join(home, "cache"))).toEqual([]);
  });

  it("is not kept when it does not run here", () => {
    writeProgram("echo no such library >&2; exit 1");
    expect(() => ensureNode({ package: packed, integrity: integrity() })).toThrow(
      /The Node\.js of .* does not run on this machine:\nno such library/,
    );
    expect(readdirSync(path.join(home, "cache"))).toEqual([]);
  });

  it("is asked for in vain where npm does not get it", () => {
    process.env["npm_config_registry"] = "http://127.0.0.1:9";
    process.env["npm_config_fetch_retries"] = "0";
    expect(() => ensureNode({ package: "app-data-no-node@1.0.0", integrity: "" })).toThrow(
      /npm could not fetch app-data-no-node@1\.0\.0, which needs npm's registry once:\n[^]*ECONNREFUSED/,
    );
  });

  it("is of a version that is pinned", () => {
    expect(() => callTool("node.mjs", "ensureNode", { major: "18" })).toThrow(
      'tools/node-versions.json has no Node.js "18". Choose one of 20, 22, 24, or add it there.',
    );
  });

  it("is for a platform that has a package", () => {
    const platform = "plan9-x64";
    expect(() => callTool("node.mjs", "ensureNode", { major: "22", platform })).toThrow(
      "tools/node-versions.json has Node.js 22 for linux-x64, linux-arm64, darwin-x64, darwin-arm64, not for plan9-x64.",
    );
  });
});
