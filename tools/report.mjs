// Progress lines of the commands; on standard error, so that what a command prints can be used.
const started = Date.now();

/** One line of progress. */
export function report(line) {
  process.stderr.write(`${line}\n`);
}

/** Runs `work` and says how long it took; while it lasts, says so every half minute. */
export async function step(line, work) {
  const begin = Date.now();
  report(`${line} …`);
  const tick = setInterval(() => report(`${line} … ${seconds(begin)} s`), 30_000);
  try {
    const result = await work();
    report(`${line}: done in ${seconds(begin)} s`);
    return result;
  } finally {
    clearInterval(tick);
  }
}

/** Whole seconds since a time, or since the start. */
export function seconds(since = started) {
  return Math.round((Date.now() - since) / 1000);
}
