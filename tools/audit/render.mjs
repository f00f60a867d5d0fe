// What an audit found, for people.

/**
 * @param {Record<string, any>} result as `npm run audit -- --json` prints it.
 * @returns {string}
 */
export function renderAudit({ stack, environment, ok, state, database }) {
  const lines = [
    `Stack ${stack} (${environment}), PostgreSQL ${database.serverVersion}, catalog ${database.digest}`,
    ...state.map(({ level, policy, resource, message }) =>
      line(level, policy, message, resource === "" ? "the stack" : resource),
    ),
    ...database.findings.map(({ level, rule, code, message, remediation, object }) =>
      line(level, rule, `${code} ${message}. ${remediation}`, object),
    ),
    ...database.waived.map(({ rule, object, waiver }) =>
      line("waived", rule, `${waiver.reason} (${waiver.owner}, until ${waiver.expires})`, object),
    ),
    ok ? "Nothing is refused." : "Refused: what is mandatory above must be corrected.",
  ];
  return lines.join("\n");
}

function line(level, rule, message, object) {
  return `${level.padEnd(10)}${rule}, ${object}\n          ${message}`;
}
