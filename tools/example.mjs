// Starts the example application on the local stack.
import { spawn } from "node:child_process";
import path from "node:path";
import { localStack, up } from "./local/stack-commands.mjs";
import { PROJECT } from "./prepare.mjs";

const PROGRAM = path.join(PROJECT, "examples/learning/main.mjs");
/** Pulumi's own flags; what they set is gone with the next `npm run up`. */
const VERIFIED = ["--config-path", "--config", "app-data:identity.tokens=required"];

/**
 * Brings the stack up with verified identities, and runs the example until it is ended.
 * @param {{ port?: string }} options
 * @returns {Promise<number>} the exit code.
 */
export async function example({ port = "0" }) {
  const code = await up({}, VERIFIED);
  if (code !== 0) return code;
  const { variables } = await localStack();
  const child = spawn(process.execPath, [PROGRAM, "--port", port], {
    env: variables,
    stdio: "inherit",
  });
  // The terminal sends Ctrl+C to both; what is sent to this process alone, it hands on.
  process.on("SIGINT", () => child.kill("SIGINT")).on("SIGTERM", () => child.kill("SIGTERM"));
  return new Promise((resolve) => child.once("close", (ended) => resolve(ended ?? 1)));
}
