// The per-user cache: what is slow to make and the same for every clone. Node.js built-ins alone.
import { homedir } from "node:os";
import path from "node:path";

/** The cache's folder; `APP_DATA_CACHE` moves it. */
export function cacheDirectory() {
  const user = process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache");
  return path.resolve(process.env.APP_DATA_CACHE || path.join(user, "app-data"));
}
