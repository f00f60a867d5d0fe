// The commands of package.json: up, preview, refresh, audit, check, down, status, env, policy and test.
// This file has to load on any Node.js, so that a wrong one gets a sentence instead of a stack trace.
const OLDEST = [20, 11];
const [major, minor] = process.versions.node.split(".").map(Number);

if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  console.error(
    `This is Node.js ${process.versions.node}, and ${OLDEST.join(".")} or newer is needed; install Node.js 22 or newer.`,
  );
  process.exitCode = 1;
} else {
  // A rejection ends the process with 1, as any that nobody handles.
  void import("./commands.mjs")
    .then(({ main }) => main(process.argv.slice(2)))
    .then((code) => (process.exitCode = code));
}
