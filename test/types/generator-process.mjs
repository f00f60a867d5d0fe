// The command that generates the types, run as often as a test asks: loading what it needs takes longer
// than its work. Each run comes as a message, and its outcome goes back as one.
import { format } from "node:util";
import { main } from "../../types/dist/command-line.mjs";

process.on("message", async ({ args, url }) => {
  const outcome = { code: null, stdout: "", stderr: "" };
  console.log = (...values) => void (outcome.stdout += `${format(...values)}\n`);
  console.error = (...values) => void (outcome.stderr += `${format(...values)}\n`);
  if (url === undefined) delete process.env.MIGRATOR_URL;
  else process.env.MIGRATOR_URL = url;
  outcome.code = await main(args);
  process.send(outcome);
});
