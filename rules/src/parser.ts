// How its code is compiled is settled before that begins, which is after all imports.
import "./compiled-once";

export { hasSqlDetails, loadModule, parsePlPgSQLSync, parseSync, scanSync } from "libpg-query";
