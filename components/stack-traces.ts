// Pulumi takes the stack trace of every promise that it makes, to name those that never settle, and
// ts-node maps each line of each to TypeScript: a quarter of the program's time. These traces keep
// the lines of the compiled program; those of errors are mapped as before.
const mapped = Error.prepareStackTrace;
if (mapped) {
  Error.prepareStackTrace = (error, frames) =>
    frames[0]?.getFunctionName() === "debuggablePromise"
      ? frames.map((frame) => `    at ${String(frame)}`).join("\n")
      : mapped(error, frames);
}
