import { hostname, userInfo } from "node:os";

/**
 * The operating system's user and host, as the log names them. In a container the user can be a number
 * without a name.
 */
export function operatorName(readUser: () => { username: string } = userInfo): string {
  return `${userName(readUser)}@${hostname()}`;
}

function userName(readUser: () => { username: string }): string {
  try {
    return readUser().username;
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}
