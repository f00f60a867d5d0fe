/** Something that the trial finds, which judges a running database instead of a schema. */
export interface TrialRule {
  name: TrialRuleName;
  code: string;
  description: string;
  remediation: string;
  /** @default true */
  waivable?: boolean;
}

const RULES = {
  "trial-judged": {
    code: "POL150",
    description: "The trial could build, fill and judge every table.",
    remediation: "Make it possible to judge, or waive it with the reason why it is safe.",
  },
  "trial-read": {
    code: "POL151",
    description: "Nobody reads rows of another user.",
    remediation:
      "Let the select policies compare the owner with (select auth.uid()), and nothing else.",
  },
  "trial-change": {
    code: "POL152",
    description: "Nobody changes or deletes rows of another user.",
    remediation: "Let using compare the owner with (select auth.uid()) for update and delete.",
  },
  "trial-insert": {
    code: "POL153",
    description: "Nobody inserts rows for another user.",
    remediation: "Let with check compare the new row's owner with (select auth.uid()).",
  },
  "trial-owner": {
    code: "POL154",
    description: "Nobody changes whose a row is.",
    remediation:
      "Let with check be as narrow as using, and do not grant update of the owner's column.",
  },
  "trial-privilege": {
    code: "POL155",
    description: "No role of the application can truncate, put triggers on or refer to tables.",
    remediation: "Revoke the privilege: row level security does not limit it.",
  },
  "trial-passage": {
    code: "POL156",
    description: "No view and no function leads around the policies.",
    remediation:
      "Make the view security_invoker, the function security invoker, or revoke the right to use it.",
  },
  "trial-role": {
    code: "POL157",
    description: "The application can become no role that row level security does not bind.",
    remediation: "Revoke the membership.",
  },
  "trial-ownerless": {
    code: "POL158",
    description: "End users write no table whose rows belong to nobody.",
    remediation:
      "Give the table a column that refers to its user, or leave writing to the back office.",
  },
  "trial-moves": {
    code: "POL160",
    description: "Nobody lets themselves in to rows of another user by rows that they write.",
    remediation:
      "Let only those who are in already write who is let in, as what: with check of the list, and the arguments of functions that write it.",
  },
  "trial-applied": {
    code: "POL159",
    description: "PostgreSQL accepts the migrations, run in order by the migrator.",
    // Without a schema nothing was tried.
    waivable: false,
    remediation:
      "Correct the statement; the migrator is neither superuser nor owner of foreign objects.",
  },
} as const;

/** The name of a rule of the trial; they all share the page `docs/policies/trial.md`. */
export type TrialRuleName = keyof typeof RULES;

const names = Object.keys(RULES).filter((name): name is TrialRuleName => name in RULES);

/** What the rule of this name says. */
export function trialRule(name: TrialRuleName): TrialRule {
  return { name, ...RULES[name] };
}

/**
 * Every rule of the trial. They stand here, and not beside the trial, so that whoever reads waivers
 * knows their names without what the trial needs to run.
 */
export const trialRules: readonly TrialRule[] = names.map(trialRule);
