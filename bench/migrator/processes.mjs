import { spawn } from "node:child_process";

const OUTPUT_KEPT = 4_000;

/**
 * Runs a command, as often as it says, and times it from start to exit.
 * @returns seconds.
 * @throws Error with the end of its output when it fails.
 */
export async function timeCommand({ times = 1, ...command }) {
  const start = process.hrtime.bigint();
  for (let run = 0; run < times; run += 1) await runCommand(command);
  return Number(process.hrtime.bigint() - start) / 1e9;
}

function runCommand({ command, args, env, cwd }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const keep = (chunk) => (output = (output + chunk).slice(-OUTPUT_KEPT));
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args[0]} … ended with code ${code}:\n${output}`));
    });
  });
}
