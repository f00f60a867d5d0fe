// What an error says to somebody who does not know the code.

/** What the system refuses, and what to do about it. */
const REFUSED = {
  ENOSPC: "there is no room left. Make room on that disk",
  EDQUOT: "its owner's disk quota is used up. Make room",
  EROFS: "the file system is read-only. Mount it for writing",
  EACCES: "this user may not write there. Give it the right to",
  ENOTDIR: "a file stands where a folder has to be. Move it away",
  EPERM: "this user may not write there. Give it the right to",
};

/** What Node.js says of a folder that cannot be made on a read-only file system, too. */
const NO_FOLDER = "it cannot be made. Look whether the file system is read-only";

/**
 * One sentence or two: what was found and what to do.
 * @param {unknown} thrown
 */
export function explain(thrown) {
  if (!(thrown instanceof Error)) return String(thrown);
  /** @type {NodeJS.ErrnoException & { dest?: string }} */
  const error = thrown;
  const reason =
    error.syscall === "mkdir" && error.code === "ENOENT" ? NO_FOLDER : REFUSED[error.code];
  const file = error.dest ?? error.path;
  if (reason && file) {
    return (
      `${file}: ${reason}, or move the stack's files with APP_DATA_HOME and what is ` +
      "kept for all clones with APP_DATA_CACHE, then run this again."
    );
  }
  // Nobody foresaw these: they are mistakes of this program.
  const isForeseen = !(error instanceof TypeError || error instanceof ReferenceError);
  return isForeseen ? error.message : `${error.message} (run it with --debug to see where)`;
}
