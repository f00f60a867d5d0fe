import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { cacheFolder, engineKey } from "../../tools/engine/cache.mjs";
import { findInstalled, MARKER } from "../../tools/engine/installed.mjs";
import { compareVersions, readVersions } from "../../tools/engine/versions.mjs";

const folder = mkdtempSync(path.join(tmpdir(), "engine-versions-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("compareVersions", () => {
  it.each([
    ["3.248.0", "3.248.0", 0],
    ["v3.259.0", "3.248.0", 1],
    ["3.99.9", "3.248.0", -1],
    ["v3.248.0-alpha.1", "3.248.0", -1],
    ["go1.26.8", "1.26.3", 1],
    ["go1.26rc1", "1.26.3", -1],
    ["go1.26", "1.26.0", 0],
  ])("orders %s and %s", (left, right, expected) => {
    expect(Math.sign(compareVersions(left, right))).toBe(expected);
  });

  it("refuses what is no version", () => {
    expect(() => compareVersions("latest", "1.0.0")).toThrow('not a version: "latest"');
  });
});

describe("readVersions", () => {
  it("reads the versions of the packages that npm ci installs", () => {
    const project = path.resolve(__dirname, "..", "..");
    const versions = readVersions(project);
    expect(Object.keys(versions)).toEqual(["pulumi", "aws", "postgresql", "random"]);
    for (const [name, version] of Object.entries(versions)) {
      const installed = path.join(project, "node_modules/@pulumi", name, "package.json");
      expect(version).toBe(JSON.parse(readFileSync(installed, "utf8")).version);
    }
  });

  it("says what to do without a lockfile, and with one that does not name them", () => {
    const file = path.join(folder, "package-lock.json");
    const message =
      `ENG001: ${file} names no version of @pulumi/pulumi, and the engine takes its version from ` +
      "there. Bring the file back from version control, or make it with `npm install`.";
    expect(() => readVersions(folder)).toThrow(message);
    writeFileSync(file, JSON.stringify({ packages: {} }));
    expect(() => readVersions(folder)).toThrow(message);
  });
});

describe("cacheFolder", () => {
  it.each([
    [{ APP_DATA_CACHE: "/a", XDG_CACHE_HOME: "/x" }, "/a"],
    [{ XDG_CACHE_HOME: "/x" }, "/x/app-data"],
  ])("with %j is %s", (environment, expected) => {
    expect(cacheFolder(environment)).toBe(expected);
  });
});

describe("engineKey", () => {
  const sources = path.join(folder, "sources");
  const write = (file: string, text: string): void => {
    mkdirSync(path.dirname(path.join(sources, file)), { recursive: true });
    writeFileSync(path.join(sources, file), text);
  };
  const key = (versions = { aws: "7.48.0" }, platform = "linux-x64"): string =>
    engineKey(sources, versions, platform);

  it("is the same until a source, a version or the platform changes", () => {
    write("go/main.go", "package main");
    write("README.md", "one");
    const first = key();
    expect(first).toMatch(/^[0-9a-f]{16}$/);

    write("README.md", "two");
    expect(key()).toBe(first);

    expect(key({ aws: "7.48.1" })).not.toBe(first);
    expect(key(undefined, "darwin-arm64")).not.toBe(first);
    write("go/main.go", "package other");
    expect(key()).not.toBe(first);
    write("go/main.go", "package main");
    expect(key()).toBe(first);
    write("go/empty.go", "");
    expect(key()).not.toBe(first);
  });
});

describe("findInstalled", () => {
  const install = (name: string, answer: string): string => {
    const bin = path.join(folder, name, "bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(path.join(bin, "pulumi"), `#!/bin/sh\n${answer}\n`, { mode: 0o755 });
    return bin;
  };
  const find = (...folders: string[]) =>
    findInstalled("3.248.0", { PATH: [...folders, "/usr/bin", "/bin"].join(path.delimiter) });

  it("takes a CLI that is new enough", async () => {
    const bin = install("new", "echo v3.250.1");
    expect(await find(bin)).toEqual({
      pulumi: path.join(bin, "pulumi"),
      version: "v3.250.1",
      usable: true,
    });
  });

  it.each([
    ["old", "echo v3.100.0", "v3.100.0"],
    ["broken", "exit 3", "a version that it does not tell"],
  ])("does not take one that is %s", async (name, answer, version) => {
    const bin = install(name, answer);
    expect(await find(bin)).toEqual({ pulumi: path.join(bin, "pulumi"), version, usable: false });
  });

  it("passes over one that this project has built", async () => {
    const ours = install("ours", "echo v3.259.0");
    expect((await find(ours))?.usable).toBe(true);
    writeFileSync(path.join(folder, "ours", MARKER), "{}");
    expect(await find(ours)).toBeUndefined();
  });
});
