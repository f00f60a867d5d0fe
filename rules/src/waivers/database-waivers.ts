import { schemaRules } from "../rules";
import { trialRules } from "../rules/trial-rules";
import {
  type Waivable,
  type WaivableRule,
  type Waived,
  type Waivers,
  applyWaivers,
} from "./waivers";

/** The rules whose findings are about objects of a database. */
export const databaseRules: readonly WaivableRule[] = [...schemaRules, ...trialRules];

/**
 * Takes away what is waived of findings about a database. The gate before commit, the policies on SQL and
 * on the attestation, the commands that judge files and live databases all call this, so that a waiver
 * counts the same in each. Waivers of other rules are for whoever knows these.
 *
 * @param judged names of the rules that were judged completely, whose unused waivers are to be told.
 */
export function waive<F extends Waivable>(
  findings: readonly F[],
  waivers: Waivers,
  judged: readonly string[] = [],
): Waived<F> {
  const entries = waivers.entries.filter(({ rule }) =>
    databaseRules.some(({ name }) => name === rule),
  );
  return applyWaivers(findings, { ...waivers, entries }, { known: databaseRules, judged });
}
