/** The migrator's version, as the log records it. */
export const TOOL_VERSION = "0.1.0";
