import { interrupted } from "../database/interruption";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Which signal ended the run, if one did. */
let received: NodeJS.Signals | undefined;
/** What listens for them: one run at a time. */
let listener: ((signal: NodeJS.Signals) => void) | undefined;

/**
 * Becomes aborted at the first signal that is to end this process; at the second the process ends at
 * once, as it would have without this.
 */
export function abortAtSignal(report: (line: string) => void): AbortSignal {
  stopListening();
  const controller = new AbortController();
  listener = (signal) => {
    stopListening();
    received = signal;
    report(`${signal}: cancelling what runs. Once more ends this process at once.`);
    controller.abort(interrupted(signal));
  };
  for (const each of SIGNALS) process.on(each, listener);
  return controller.signal;
}

function stopListening(): void {
  if (listener) for (const each of SIGNALS) process.off(each, listener);
  listener = undefined;
}

/** The signal that has ended the run, if any. */
export function receivedSignal(): NodeJS.Signals | undefined {
  return received;
}
