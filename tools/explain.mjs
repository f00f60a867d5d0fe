// What an error says to somebody who does not know the code.

/** What the system refuses, and what to do about it. */
const REFUSED = {
  ENOSPC: "there is no room left. Make room on that disk",
  EDQUOT: "its owner's disk quota is used up. Make room",
  EROFS: "the file system is read-only. Mount it for writing",
  EACCES: "this user may not. Give this user the right to",
  ENOTDIR: "a file stands where a folder has to be. Move it away",
  EPERM: "this user may not. Give this user the right to",
};

/** One sentence or two: what was found and what to do. */
export function explain(error) {
  if (!(error instanceof Error)) return String(error);
  const reason = REFUSED[error.code];
  if (reason && error.path) {
    return (
      `${error.path}: ${reason}, or move the stack's files with APP_DATA_HOME and what is ` +
      "kept for all clones with APP_DATA_CACHE, then run this again."
    );
  }
  // Nobody foresaw these: they are mistakes of this program.
  const isForeseen = !(error instanceof TypeError || error instanceof ReferenceError);
  return isForeseen ? error.message : `${error.message} (run it with --debug to see where)`;
}
