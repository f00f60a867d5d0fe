import { main } from "../../migrator/src/cli/main";

/** What a command printed, and its exit code. */
export interface Outcome {
  code: number;
  /** Standard output. */
  out: string;
  /** Standard error. */
  err: string;
}

/** Runs the command line in this process: what it would print, and the exit code that it would have. */
export async function runCommand(...args: string[]): Promise<Outcome> {
  const printed = { out: "", err: "" };
  jest.spyOn(console, "log").mockImplementation((text) => void (printed.out += `${text}\n`));
  jest.spyOn(console, "error").mockImplementation((text) => void (printed.err += `${text}\n`));
  try {
    return { code: await main(args), ...printed };
  } finally {
    jest.restoreAllMocks();
  }
}
