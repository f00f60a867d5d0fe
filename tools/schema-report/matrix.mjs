// Who may do what to whose rows, and what decides it: read from a schema by its contract.
import { everyRight, quoteList } from "./words.mjs";

const RESTRICTED = "restrictive ";

/** The order of roles in the table: from who may least to who owns. */
export function rolesOf({ anonymousRole, signedInRoles, backOfficeRoles, ...contract }) {
  const { monitoringRoles, loginRole, migrationRole } = contract;
  return [
    anonymousRole,
    ...signedInRoles,
    ...backOfficeRoles,
    ...monitoringRoles,
    loginRole,
    migrationRole,
  ];
}

/**
 * The matrix of all tables and views.
 * @param schema as the rules read it.
 * @param {{ contract: any, rules: any, shown?: any[] }} context `rules` is the module of that name, whose
 * parser is loaded; `shown` is what the attempts of the trial came to.
 * @returns `[{ object, kind, note, rows: [{ role, cells }] }]`; a cell is `{ command, reach, label, because,
 * attempts }`, and `reach` one of "none", "own", "some" and "all".
 */
export function matrixOf(schema, { contract, rules, shown = [] }) {
  const judged = new rules.JudgedSchema(schema, contract);
  const roles = rolesOf(contract).filter((name) => judged.role(name));
  const row = (object, role, cellOf) => ({
    role,
    cells: rules.commands.map((command) => ({
      command,
      attempts: attemptsOf(shown, object, role, command),
      ...cellOf(command),
    })),
  });
  const tables = judged.tables.map((table) => {
    const object = rules.quoteName(table);
    return {
      object,
      kind: table.kind,
      note: protectionOf(table),
      rows: roles.map((role) =>
        row(object, role, (command) => tableCell(table, role, command, { judged, rules })),
      ),
    };
  });
  const views = judged.views.map((view) => {
    const object = rules.quoteName(view);
    return {
      object,
      kind: view.kind,
      note: rightsOf(view),
      rows: roles.map((role) =>
        row(object, role, (command) => viewCell(view, role, command, judged)),
      ),
    };
  });
  return [...tables, ...views];
}

function protectionOf({ rowSecurity, forced }) {
  if (!rowSecurity) return "Row level security is OFF.";
  return forced
    ? "Row level security is on, and forced: it binds the owner, too."
    : "Row level security is on, and NOT forced: it does not bind the owner.";
}

function rightsOf({ kind, securityInvoker, owner }) {
  if (kind === "materialized view")
    return `It holds rows of its own, which no policy judges; its owner is ${owner}.`;
  return securityInvoker
    ? "It reads with the rights of who queries it: policies of the tables below it hold."
    : `It reads with the rights of its owner, ${owner}: policies judge that role.`;
}

/**
 * What a role may do to a table, before row level security: undefined where nothing.
 * @returns {{ columns?: string[], because: string } | undefined}
 */
function rightTo({ grants = [], owner }, role, command, judged) {
  const held = judged.inheritedRoles(role);
  const given = grants.filter((grant) => grant.privilege === command && held.has(grant.grantee));
  const whole = given.find(({ columns }) => columns === null) ?? given[0];
  if (whole) {
    const columns = given.every((one) => one.columns)
      ? [...new Set(given.flatMap((one) => one.columns))]
      : undefined;
    return {
      columns,
      because: `grant ${command}${columns ? ` (${quoteList(columns)})` : ""} to ${whole.grantee}`,
    };
  }
  return held.has(owner) ? { because: `${owner} is the owner` } : undefined;
}

const cell = (reach, label, because) => ({ reach, label, because });

function tableCell(table, role, command, { judged, rules }) {
  if (judged.role(role)?.superuser || judged.role(role)?.bypassRowSecurity)
    return cell("all", everyRight(), [`${role} is bound by no policy`]);
  const right = rightTo(table, role, command, judged);
  if (!right) return cell("none", "no", [`no grant of ${command}`]);
  const isOwner = judged.inheritedRoles(role).has(table.owner);
  if (!table.rowSecurity || (isOwner && !table.forced))
    return cell("all", everyRight(right), [right.because, "no policy binds it"]);
  const held = judged.inheritedRoles(role);
  const binding = (table.policies ?? []).filter(
    (policy) => rules.judges(policy, command) && policy.roles.some((name) => held.has(name)),
  );
  const permissive = binding.filter((policy) => policy.permissive);
  if (permissive.length === 0)
    return cell("none", "no row", [right.because, "no policy lets it through"]);
  const because = [right.because, ...binding.map((policy) => policyText(policy, command, rules))];
  const outcomes = permissive.map((policy) =>
    outcomeOf([policy, ...binding.filter((one) => !one.permissive)], command, {
      table,
      judged,
      rules,
    }),
  );
  if (outcomes.every((outcome) => outcome === "none")) return cell("none", "no row", because);
  if (outcomes.includes("all")) return cell("all", everyRight(right), because);
  if (outcomes.includes("some")) return cell("some", `rows that pass${ofColumns(right)}`, because);
  return cell("own", `own rows${ofColumns(right)}`, because);
}

/** @param {{ columns?: string[] }} right */
const ofColumns = ({ columns }) => (columns ? ", some columns" : "");

/** The expressions by which a policy judges a command, each with the word before it. */
function conditionsOf(policy, command, { expressionOf }) {
  const parts = { select: ["using"], delete: ["using"], insert: ["check"] }[command] ?? [
    "using",
    "check",
  ];
  return parts.flatMap((part) => {
    const expression = expressionOf(policy, part);
    return expression === null
      ? []
      : [{ word: part === "using" ? "using" : "with check", expression }];
  });
}

function policyText(policy, command, rules) {
  const conditions = conditionsOf(policy, command, rules);
  const [first, second] = conditions.map(({ expression }) => expression);
  const texts =
    first === second
      ? [`using and with check ${first}`]
      : conditions.map(({ word, expression }) => `${word} ${expression}`);
  return `${policy.permissive ? "" : RESTRICTED}policy ${policy.name}: ${texts.join(", ")}`;
}

/** What a permissive policy and the restrictive ones beside it let through together. */
function outcomeOf(policies, command, { table, judged, rules }) {
  const conditions = policies.flatMap((policy) => conditionsOf(policy, command, rules));
  const words = [...new Set(conditions.map(({ word }) => word))];
  // An update has to pass both: rows that it finds, and what it makes of them.
  const outcomes = words.map((word) => {
    const expressions = conditions
      .filter((condition) => condition.word === word)
      .map(({ expression }) => expression);
    if (expressions.includes("false")) return "none";
    if (expressions.every((expression) => expression === "true")) return "all";
    const isOwn = (expression) => rules.classify(expression, { table, judged }).outcome === "own";
    return expressions.some(isOwn) ? "own" : "some";
  });
  if (outcomes.includes("none")) return "none";
  return outcomes.every((outcome) => outcome === outcomes[0]) ? outcomes[0] : "some";
}

function viewCell(view, role, command, judged) {
  const right = rightTo(view, role, command, judged);
  if (!right) return cell("none", "no", [`no grant of ${command}`]);
  if (view.kind === "materialized view" && command !== "select")
    return cell("none", "no", ["nobody writes a materialized view"]);
  if (view.securityInvoker && view.kind === "view")
    return cell("some", "as the tables below it", [right.because, "security_invoker"]);
  return cell("all", everyRight(right), [right.because]);
}

/** What the trial calls what it tried, by the command that it is. */
const ATTACKS = {
  select: ["read"],
  insert: ["insert"],
  update: ["update", "give away", "steal", "take over"],
  delete: ["delete"],
};

function attemptsOf(shown, object, role, command) {
  const of = shown.filter(
    (one) => one.object === object && one.role === role && ATTACKS[command].includes(one.attack),
  );
  if (of.length === 0) return undefined;
  const sum = (field) => of.reduce((total, one) => total + one[field], 0);
  return { attempts: sum("attempts"), refused: sum("refused"), successes: sum("successes") };
}
