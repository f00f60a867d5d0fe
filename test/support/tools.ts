import { execFileSync } from "node:child_process";
import path from "node:path";

const TOOLS = path.resolve(__dirname, "../../tools");

/**
 * Calls a function of a module of `tools/` in a process of its own, as the commands do.
 * @returns what it returns, as JSON carries it.
 */
export function callTool<Result>(module: string, name: string, argument: unknown): Result {
  const url = JSON.stringify(path.join(TOOLS, module));
  const script = `const { ${name} } = await import(${url});
    const result = await ${name}(${JSON.stringify(argument)});
    process.stdout.write(JSON.stringify(result ?? null));`;
  const args = ["--input-type=module", "--eval", script];
  // Named, because jest's copy of the variables is not what a process takes over by itself.
  const options = { encoding: "utf8", stdio: "pipe", env: process.env } as const;
  return JSON.parse(execFileSync(process.execPath, args, options)) as Result;
}
