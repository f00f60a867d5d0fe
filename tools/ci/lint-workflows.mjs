// node tools/ci/lint-workflows.mjs: checks .github/workflows with actionlint, which Go fetches and builds
// once, at a pinned version whose checksum Go's checksum database guards. Exit code 1 when it finds
// something, 2 when there is no Go to run it with.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = path.resolve(fileURLToPath(import.meta.url), "../../..");
const ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12";

// What is not installed everywhere would make the outcome depend on the machine.
const args = ["run", ACTIONLINT, "-no-color", "-shellcheck=", "-pyflakes="];
const { status, error } = spawnSync("go", [...args, ...process.argv.slice(2)], {
  cwd: PROJECT,
  env: { ...process.env, GOWORK: "off", GOFLAGS: "-mod=mod" },
  stdio: ["ignore", "inherit", "inherit"],
});
if (error) console.error(`actionlint could not be run, it needs Go: ${error.message}`);
process.exitCode = error ? 2 : status === 0 ? 0 : 1;
