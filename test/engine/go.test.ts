import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { GO_VERSION, requireGo, runGo } from "../../tools/engine/go.mjs";
import { checkSum, COPIED_MODULES } from "../../tools/engine/modules.mjs";

const ENGINE = path.resolve(__dirname, "..", "..", "tools", "engine");
const INSTALL =
  `Install Go ${GO_VERSION} or newer (https://go.dev/dl/), or the Pulumi CLI ` +
  "(https://www.pulumi.com/docs/install/), which makes Go unnecessary, and run this again.";

describe("running go", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "engine-go-"));
  const log = path.join(folder, "build.log");
  const originalPath = process.env["PATH"];
  /** Puts a program named go, and nothing else of that name, on PATH. */
  const installGo = (script: string): void => {
    writeFileSync(path.join(folder, "bin", "go"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  };
  const run = (...args: string[]) => runGo(args, { cwd: folder, log });

  beforeEach(() => {
    mkdirSync(path.join(folder, "bin"), { recursive: true });
    process.env["PATH"] = `${path.join(folder, "bin")}${path.delimiter}/bin`;
  });
  afterEach(() => {
    process.env["PATH"] = originalPath;
    rmSync(path.join(folder, "bin"), { recursive: true });
    rmSync(log, { force: true });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("returns what it prints, and says nothing of what it downloads", async () => {
    installGo("echo 'go: downloading example.com/a v1.0.0' >&2; echo answer");
    expect(await run("list")).toBe("answer\n");
    expect(readFileSync(log, "utf8")).toBe("go: downloading example.com/a v1.0.0\n");
  });

  it("without Go says what to install", async () => {
    await expect(run("build")).rejects.toThrow(
      "ENG002: Go is not on PATH, and without a Pulumi CLI the engine is built from Go modules. " +
        INSTALL,
    );
  });

  it("with a Go that is too old says which one is needed", async () => {
    installGo(
      'case "$1" in env) echo go1.22.1; echo local;; *) echo "needs go >= 1.26.3" >&2; exit 1;; esac',
    );
    await expect(requireGo(folder, log)).rejects.toThrow(
      `ENG003: go1.22.1 is too old (GOTOOLCHAIN is local), and the engine needs Go ${GO_VERSION}. ` +
        INSTALL,
    );
  });

  it.each([
    ["that is new enough", 'case "$1" in env) echo go1.27.0; echo local;; *) exit 1;; esac'],
    ["that can fetch a newer one", 'case "$1" in env) echo go1.22.1; echo auto;; esac'],
  ])("accepts a Go %s", async (_, script) => {
    installGo(script);
    await expect(requireGo(folder, log)).resolves.toBeUndefined();
  });

  it("shows the last lines of what fails, and where all of them are", async () => {
    installGo("i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo line $i >&2; done; exit 2");
    const lines = Array.from({ length: 15 }, (_, index) => `  line ${index + 26}`);
    await expect(run("build", "-o", "x")).rejects.toThrow(
      `ENG006: \`go build\` ended with 2:\n${lines.join("\n")}\nThe whole output is in ${log}.`,
    );
    expect(readFileSync(log, "utf8").split("\n")[0]).toBe("line 1");
  });

  it.each([
    ["build", 'echo "go: dial tcp: lookup proxy.example.com: no such host" >&2; exit 1'],
    ["mod", 'echo "{\\"Error\\": \\"Get: dial tcp 127.0.0.1:9: connection refused\\"}"; exit 1'],
  ])("says when `go %s` cannot download modules", async (command, script) => {
    installGo(script);
    await expect(run(command)).rejects.toThrow(
      "ENG004: the Go modules of the engine cannot be downloaded. The Go module proxy (GOPROXY) " +
        "must be reachable; what is there already is kept, so run this again when it is.",
    );
  });

  it("keeps the password of a module proxy out of the error and the log", async () => {
    installGo('echo "reading https://me:hunter2@proxy.example.com/a: 401 no" >&2; exit 1');
    const error: unknown = await run("build").catch((reason: unknown) => reason);
    expect(String(error)).toContain("reading https://***@proxy.example.com/a: 401 no");
    expect(String(error) + readFileSync(log, "utf8")).not.toContain("hunter2");
  });

  it("ends go and what go has started when the process is interrupted", async () => {
    installGo(`sleep 60 & echo $! > "${folder}/compiler"; wait`);
    const script = `
      const { endingGo, runGo } = await import(process.argv[1]);
      await endingGo(() => runGo(["build"], { cwd: "/", log: process.argv[2] }));`;
    const builder = spawn(
      process.execPath,
      ["--input-type=module", "-e", script, path.join(ENGINE, "go.mjs"), log],
      // Named, since what a test sets in process.env is not what a child gets by default.
      { stdio: "ignore", env: process.env },
    );
    const compiler = await content(path.join(folder, "compiler"));
    expect(isAlive(compiler)).toBe(true);
    builder.kill("SIGINT");
    const [code, signal]: unknown[] = await once(builder, "close");
    expect({ code, signal }).toEqual({ code: null, signal: "SIGINT" });
    for (let i = 0; i < 100 && isAlive(compiler); i++) await pause();
    expect(isAlive(compiler)).toBe(false);
  }, 30_000);
});

describe("a copied module", () => {
  const [copied] = Object.values(COPIED_MODULES);

  it("is taken when its checksum is the pinned one", () => {
    expect(() => checkSum({ module: "a@v1", sum: "h1:x=" }, "h1:x=")).not.toThrow();
  });

  it("is refused when it is another one", () => {
    expect(() => checkSum({ module: "a@v1", sum: "h1:x=" }, "h1:y=")).toThrow(
      "ENG005: a@v1 has the checksum h1:y=, and h1:x= is required. The module cache or the " +
        "module proxy holds something else under this name: find out why before you build. " +
        "`go clean -modcache` forgets what was downloaded.",
    );
  });

  it("is pinned in the version that go.mod requires", () => {
    const goMod = readFileSync(path.join(ENGINE, "go", "engine", "go.mod"), "utf8");
    for (const { module, sum } of Object.values(COPIED_MODULES)) {
      expect(goMod).toContain(`\t${module.replace("@", " ")}\n`);
      expect(sum).toMatch(/^h1:[A-Za-z0-9+/]{43}=$/);
    }
    expect(copied).toBeDefined();
  });
});

describe("node tools/engine/index.mjs", () => {
  const index = path.join(ENGINE, "index.mjs");

  it("prints how it is used", () => {
    const help = execFileSync(process.execPath, [index, "--help"], { encoding: "utf8" });
    expect(help.split("\n")[0]).toBe("node tools/engine/index.mjs [--help]");
  });
});

async function content(file: string): Promise<number> {
  for (let i = 0; i < 200; i++) {
    if (existsSync(file) && readFileSync(file, "utf8").trim() !== "") break;
    await pause();
  }
  return Number(readFileSync(file, "utf8"));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A process that has ended and that nobody has waited for is still there by this measure.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50));
}
