import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

/** A registry with a package `migrator` that is not ours. */
let registry: Server;
let asked: string[];
/** A clone as it is before `npm ci`. */
let clone: string;

beforeEach(async () => {
  asked = [];
  registry = createServer((request, response) => {
    asked.push(request.url ?? "");
    const tarball = `${address()}/migrator/-/migrator-9.9.9.tgz`;
    const version = { name: "migrator", version: "9.9.9", bin: "index.js", dist: { tarball } };
    if (request.url?.endsWith(".tgz")) response.writeHead(404).end();
    else {
      const facts = {
        name: "migrator",
        "dist-tags": { latest: "9.9.9" },
        versions: { "9.9.9": version },
      };
      response.setHeader("content-type", "application/json").end(JSON.stringify(facts));
    }
  });
  await new Promise<void>((resolve) => registry.listen(0, "127.0.0.1", resolve));
  clone = mkdtempSync(path.join(tmpdir(), "clone-"));
  for (const file of ["package.json", "package-lock.json", ".npmrc"]) {
    cpSync(file, path.join(clone, file));
  }
});
afterEach(async () => {
  rmSync(clone, { recursive: true });
  await new Promise((resolve) => registry.close(resolve));
});

const address = () => `http://127.0.0.1:${(registry.address() as AddressInfo).port}`;

/** Runs npx in the clone, with nobody to answer questions. @returns what it says in the end. */
function npx(...args: string[]): Promise<string> {
  const env = {
    ...process.env,
    npm_config_registry: address(),
    npm_config_cache: path.join(clone, "cache"),
    npm_config_fetch_retries: "0",
  };
  return new Promise((resolve) => {
    const child = execFile("npx", args, { cwd: clone, env }, (_error, out, err) =>
      resolve(out + err),
    );
    child.stdin?.end();
  });
}

describe("npx migrator in a clone before npm ci", () => {
  it("runs no package of that name from the registry", async () => {
    expect(await npx("migrator", "plan")).toContain("npx canceled due to missing packages");
    expect(asked.filter((url) => url.endsWith(".tgz"))).toEqual([]);
  });

  it("would do so without the project's setting", async () => {
    await npx("--yes", "migrator", "plan");
    expect(asked.filter((url) => url.endsWith(".tgz"))).not.toEqual([]);
  });
});
