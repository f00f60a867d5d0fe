// The command `npm run generate:types`.
import { main } from "./command-line.mjs";

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
