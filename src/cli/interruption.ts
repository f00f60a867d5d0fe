const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Which signal ended the run, if one did. */
let received: NodeJS.Signals | undefined;

/**
 * Becomes aborted at the first signal that is to end this process; at the second the process ends at
 * once, as it would have without this.
 */
export function abortAtSignal(report: (line: string) => void): AbortSignal {
  const controller = new AbortController();
  const listener = (signal: NodeJS.Signals) => {
    for (const each of SIGNALS) process.off(each, listener);
    received = signal;
    report(`${signal}: ending after what is at hand. Once more ends this process at once.`);
    controller.abort();
  };
  for (const each of SIGNALS) process.on(each, listener);
  return controller.signal;
}

/** The signal that has ended the run, if any. */
export function receivedSignal(): NodeJS.Signals | undefined {
  return received;
}
