/** How far the batches of a statement are. */
export interface BatchProgress {
  /** Keys that are done, of earlier runs too. */
  keys: number;
  /** All keys, by the planner's estimate; never less than {@link keys}. */
  estimatedKeys: number;
  /** Rows that the statement has written, of earlier runs too. */
  rows: number;
  /** Batches that are committed, of earlier runs too. */
  batches: number;
  /** Keys a second in this run, pauses included. */
  keysPerSecond: number;
  /** By that rate; undefined as long as there is none. */
  remainingSeconds: number | undefined;
  finished: boolean;
}

const BAR_WIDTH = 24;

/** One line for people: a bar, how much is done, how fast, and how long the rest will take. */
export function describeProgress(progress: BatchProgress): string {
  const { keys, estimatedKeys, keysPerSecond, remainingSeconds, finished } = progress;
  const share = finished ? 1 : Math.min(0.99, keys / Math.max(1, estimatedKeys));
  const filled = Math.floor(share * BAR_WIDTH);
  const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
  const done = finished
    ? `${count(keys)} keys, ${count(progress.rows)} rows written in ${count(progress.batches)} batches`
    : `${count(keys)} of about ${count(estimatedKeys)} keys`;
  const left =
    finished || remainingSeconds === undefined ? "" : `, ${duration(remainingSeconds)} left`;
  return `${bar} ${Math.floor(share * 100)} %, ${done}, ${count(Math.round(keysPerSecond))} keys/s${left}`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
