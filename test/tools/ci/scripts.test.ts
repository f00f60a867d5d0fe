import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

jest.setTimeout(300_000);

const root = path.resolve(__dirname, "../../..");
const script = (name: string) => path.join(root, "tools/ci", name);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "app-data-ci-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function run(args: string[], variables: Record<string, string> = {}) {
  const env = { ...process.env, ...variables };
  return new Promise<{ code: number | null; err: string }>((resolve) => {
    const child = spawn(process.execPath, args, { env, cwd: root });
    let err = "";
    child.stderr.on("data", (data) => (err += data));
    child.once("close", (code) => resolve({ code, err }));
  });
}

/** A CLI that says what a preview says, knows the target of the migrations, and notes how it was called. */
function pretendPulumi(code: number, says: string, target = "") {
  const program = path.join(folder, "pulumi");
  writeFileSync(path.join(folder, "says"), says);
  writeFileSync(
    program,
    `#!/bin/sh\nif [ "$*" = "config get --path migrations.target --stack dev" ]; then\n` +
      `  [ -n "${target}" ] && echo "${target}"; exit\nfi\n` +
      `echo "$PULUMI_ENABLE_STREAMING_JSON_PREVIEW $*" > "${folder}/call"\n` +
      `cat "${folder}/says"\nexit ${code}\n`,
  );
  chmodSync(program, 0o755);
  return { PATH: `${folder}${path.delimiter}${process.env["PATH"]}` };
}

describe("preview.mjs", () => {
  const file = () => path.join(folder, "preview.md");

  it("previews the stack with the pack, and writes the plan of the files where no database is given", async () => {
    const { code } = await run([script("preview.mjs"), "dev", file()], pretendPulumi(0, ""));
    expect(code).toBe(0);
    expect(readFileSync(path.join(folder, "call"), "utf8")).toBe(
      "true preview --json --non-interactive --stack dev --policy-pack policy\n",
    );
    const text = readFileSync(file(), "utf8");
    expect(text).toContain("## dev: may go");
    expect(text).toContain("001_add_missing_tables");
  });

  it("fails when a policy refuses, after it has written so", async () => {
    const finding = JSON.stringify({
      policyEvent: { policyName: "x", enforcementLevel: "mandatory", message: "POL174 no" },
    });
    const { code } = await run([script("preview.mjs"), "dev", file()], pretendPulumi(255, finding));
    expect(code).toBe(1);
    expect(readFileSync(file(), "utf8")).toContain("## dev: refused by 1 finding");
  });

  it("plans the migrations up to the target of the stack", async () => {
    await run([script("preview.mjs"), "dev", file()], pretendPulumi(0, "", "000"));
    const text = readFileSync(file(), "utf8");
    expect(text).toContain("000_existing_schema");
    expect(text).not.toContain("001_add_missing_tables");
  });

  it("says how it is called", async () => {
    const { code, err } = await run([script("preview.mjs"), "dev"]);
    expect([code, err]).toEqual([2, "Usage: node tools/ci/preview.mjs STACK FILE\n"]);
  });
});

describe("plan.mjs", () => {
  const files = () => ({
    GITHUB_STEP_SUMMARY: path.join(folder, "summary"),
    GITHUB_OUTPUT: path.join(folder, "outputs"),
  });
  const read = (name: string) => readFileSync(path.join(folder, name), "utf8");

  it("holds an update to no plan where the database may not be read, and says so", async () => {
    const { code } = await run([script("plan.mjs"), "dev"], {
      ...pretendPulumi(0, ""),
      ...files(),
      READ_ONLY_DATABASE_URL: "",
    });
    expect(code).toBe(0);
    expect(read("outputs")).toBe("hash=\n");
    expect(read("summary")).toContain("000_existing_schema");
    expect(read("summary")).toContain("there is no plan to hold this update to");
  });

  it("fails where the database that it shall read cannot be reached", async () => {
    const { code, err } = await run([script("plan.mjs"), "dev"], {
      ...pretendPulumi(0, ""),
      ...files(),
      READ_ONLY_DATABASE_URL: "postgresql://reader:secret@127.0.0.1:1/app_data",
    });
    expect(code).toBe(1);
    expect(err).toContain("dev was not updated: there is no plan to hold it to.\n");
    expect(err).toContain("127.0.0.1:1");
    expect(err).not.toContain("secret");
    expect(existsSync(path.join(folder, "outputs"))).toBe(false);
  });

  it("says how it is called", async () => {
    const { code, err } = await run([script("plan.mjs")], files());
    expect([code, err.split(": ")[0]]).toEqual([2, "Usage"]);
  });
});

describe("comment.mjs", () => {
  let server: Server;
  let calls: string[];
  let comments: { id: number; body: string }[];
  let status: number;

  beforeEach(async () => {
    calls = [];
    comments = [];
    status = 200;
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (data) => (body += data));
      request.on("end", () => {
        calls.push(`${request.method} ${request.url} ${request.headers.authorization} ${body}`);
        response.writeHead(status, { "content-type": "application/json" });
        response.end(JSON.stringify(request.method === "GET" ? comments : {}));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    writeFileSync(path.join(folder, "preview.md"), "<!-- app-data preview dev -->\nnew");
  });
  afterEach(() => server.close());

  const comment = (variables: Record<string, string> = {}) =>
    run([script("comment.mjs"), "dev", path.join(folder, "preview.md")], {
      GITHUB_API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      GITHUB_REPOSITORY: "owner/app-data",
      GITHUB_TOKEN: "token",
      PULL_REQUEST: "7",
      ...variables,
    });
  const list = "GET /repos/owner/app-data/issues/7/comments?per_page=100&page=1 Bearer token ";
  const body = JSON.stringify({ body: "<!-- app-data preview dev -->\nnew" });

  it("adds the comment of a stack", async () => {
    comments = [{ id: 3, body: "<!-- app-data preview prod -->\nof another" }];
    expect(await comment()).toEqual({ code: 0, err: "" });
    expect(calls).toEqual([
      list,
      `POST /repos/owner/app-data/issues/7/comments Bearer token ${body}`,
    ]);
  });

  it("replaces the one of the last run", async () => {
    comments = [{ id: 4, body: "<!-- app-data preview dev -->\nold" }];
    expect(await comment()).toEqual({ code: 0, err: "" });
    expect(calls).toEqual([
      list,
      `PATCH /repos/owner/app-data/issues/comments/4 Bearer token ${body}`,
    ]);
  });

  it("says what GitHub answered, and never the token", async () => {
    status = 403;
    const { code, err } = await comment();
    expect(code).toBe(1);
    expect(err).toBe("GitHub answered 403 to GET issues/7/comments?per_page=100&page=1.\n");
  });

  it("comments on nothing but a number", async () => {
    expect((await comment({ PULL_REQUEST: "7/../8" })).code).toBe(2);
    expect(calls).toEqual([]);
  });
});

describe("the workflows", () => {
  const hasGo = spawnSync("go", ["version"]).status === 0;
  const lint = (...args: string[]) =>
    spawnSync(process.execPath, [script("lint-workflows.mjs"), ...args], { encoding: "utf8" });

  it("are what actionlint accepts, where Go can run it", () => {
    const { status, stdout, stderr } = lint();
    if (hasGo) expect([status, stdout]).toEqual([0, ""]);
    else expect([status, stderr]).toEqual([2, expect.stringContaining("it needs Go")]);
  });

  it("would be refused with a job that does not exist", () => {
    const wrong = path.join(folder, "wrong.yml");
    writeFileSync(
      wrong,
      "on: push\njobs:\n  b:\n    needs: a\n    runs-on: ubuntu-latest\n    steps:\n      - run: true\n",
    );
    const { status, stdout } = lint(wrong);
    if (hasGo) expect([status, stdout]).toEqual([1, expect.stringContaining('needs job "a"')]);
    else expect(status).toBe(2);
  });

  const text = (name: string) => readFileSync(path.join(root, ".github/workflows", name), "utf8");

  it("give a fork no credentials, and a pull request none that write", () => {
    const pullRequest = text("pull-request.yml");
    expect(pullRequest).toContain("\non:\n  pull_request:\n");
    expect(pullRequest).toContain("\npermissions:\n  contents: read\n");
    const [before = "", preview = ""] = pullRequest.split("\n  preview:\n");
    expect(before).not.toMatch(/secrets\.|id-token|AWS_/);
    expect(preview).toContain("github.event.pull_request.head.repo.full_name == github.repository");
    expect(preview.match(/secrets\.\w+/g)).toEqual(["secrets.READ_ONLY_DATABASE_URL"]);
    expect(preview).toContain("vars.AWS_PREVIEW_ROLE_ARN");
  });

  it("plan each stack on its own database, and bring it up by the plan that was approved", () => {
    expect(text("pull-request.yml")).toContain("\n    environment: preview-${{ matrix.stack }}\n");
    const [plan = "", up = ""] = text("up.yml").split("\n  up:\n");
    expect(plan).toContain("\n    environment: preview-${{ inputs.stack }}\n");
    expect(plan).toContain("READ_ONLY_DATABASE_URL: ${{ secrets.READ_ONLY_DATABASE_URL }}");
    expect(up).toMatch(/^ {4}needs: plan\n/);
    expect(up).toContain("\n    environment: ${{ inputs.stack }}\n");
    expect(up).toContain("APPROVED_PLAN: ${{ needs.plan.outputs.hash }}");
    expect(up).toMatch(
      / run: pulumi up .*--config-path --config "migrations\.approvedPlan=\$APPROVED_PLAN"\n/,
    );
  });

  it("compile what the program and the pack load, before they run them", () => {
    const setUp = readFileSync(path.join(root, ".github/actions/set-up/action.yml"), "utf8");
    const commands = [...setUp.matchAll(/run: (npm .*)/g)].map(([, command]) => command);
    expect(commands).toEqual(["npm ci --no-audit --no-fund", "npm run build"]);
    for (const name of ["pull-request.yml", "up.yml", "nightly.yml"]) {
      for (const job of text(name).split("runs-on: ").slice(1)) {
        const made = job.indexOf("./.github/actions/set-up");
        expect(made).toBeGreaterThan(0);
        expect(made).toBeLessThan(job.search(/ run: (?:pulumi|npm|node) /));
      }
    }
  });

  it("hold no script that is not tested: each step calls one program", () => {
    for (const name of ["pull-request.yml", "up.yml", "nightly.yml"]) {
      const runs = [...text(name).matchAll(/^ +run: (.*)$/gm)].map(([, command = ""]) => command);
      expect(runs.length).toBeGreaterThan(0);
      const programs = /^(npm|node|pulumi|sudo apt-get install) [^|;&\n]+$/;
      for (const command of runs) expect(command).toMatch(programs);
    }
  });
});
