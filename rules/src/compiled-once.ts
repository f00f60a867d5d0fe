// PostgreSQL's parser is WebAssembly. Node.js compiles its code quickly when that first runs, and again,
// to faster code, what has run for some milliseconds. The second takes half the processor time of a
// process that reads a few migrations (docs/decisions/0038-the-parser-is-compiled-once.md).
import { setFlagsFromString } from "node:v8";

/** So much code, in bytes, may run before it is compiled again: near the most that the flag takes. */
const TIERING_BUDGET = 2_000_000_000;

setFlagsFromString(`--wasm-tiering-budget=${TIERING_BUDGET}`);
