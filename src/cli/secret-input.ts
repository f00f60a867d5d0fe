import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { UsageError } from "./arguments.js";

/** A text that nobody stores as an API key is not read to its end. */
const MOST_BYTES = 1_048_576;

/**
 * A secret from standard input, or from a prompt that shows nothing of it; without the line's end.
 * @throws UsageError where it is far too long.
 */
export async function readSecretInput(prompt: string): Promise<Buffer> {
  if (process.stdin.isTTY) return ask(prompt);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > MOST_BYTES)
      throw new UsageError("Standard input has more than one secret's text.");
    chunks.push(bytes);
  }
  const text = Buffer.concat(chunks);
  for (const chunk of chunks) chunk.fill(0);
  const end = text.at(-1) === 10 ? (text.at(-2) === 13 ? -2 : -1) : text.length;
  return text.subarray(0, end);
}

async function ask(prompt: string): Promise<Buffer> {
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: unseen, terminal: true });
  // Only now, as the terminal shows what is typed until then.
  process.stderr.write(prompt);
  const end = () => {
    lines.close();
    process.stderr.write("\n");
  };
  // The terminal sends no signal meanwhile: Ctrl+C is a key.
  lines.once("SIGINT", () => {
    end();
    process.kill(process.pid, "SIGINT");
  });
  const answer = await lines.question("");
  end();
  return Buffer.from(answer);
}
