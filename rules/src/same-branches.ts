import { type Node, parseSync } from "libpg-query";
import type { Step } from "./plpgsql-steps";
import type { BranchPath } from "./table-model";

/**
 * What happens whichever branch is taken, where all do the same: statement by statement, or in whatever
 * order where each only turns row level security on.
 * @param ways the steps of each branch; one of them is taken for sure.
 * @returns undefined where one does something else.
 */
export function commonSteps(
  ways: readonly (readonly Step[])[],
  path: BranchPath,
): Step[] | undefined {
  // What a branch asks first may call a function that is known.
  const starts = ways.map((steps) => steps.findIndex(({ kind }) => kind !== "expression"));
  if (starts.includes(-1)) return undefined;
  const bodies = ways.map((steps, at) => steps.slice(starts[at]));
  const [first, ...others] = bodies.map((steps) => actionsOf(steps, path));
  if (!first || others.length === 0) return undefined;
  const isSame = others.every(
    (actions) =>
      actions !== undefined &&
      ([first, actions].every(onlyProtect)
        ? sorted(first) === sorted(actions)
        : String(keysOf(first)) === String(keysOf(actions))),
  );
  if (!isSame) return undefined;
  const asked = ways.flatMap((steps, at) => steps.slice(0, starts[at]));
  return [...asked, ...(bodies[0] ?? []).map((step) => ({ ...step, path }))];
}

/** One command of a statement. */
interface Action {
  key: string;
  isProtection: boolean;
}

function actionsOf(steps: readonly Step[], path: BranchPath): Action[] | undefined {
  const actions: Action[] = [];
  for (const { kind, text, path: where } of steps) {
    if (kind !== "sql" || where.length !== path.length + 1) return undefined;
    const found = parsed(text);
    if (!found) return undefined;
    actions.push(...found);
  }
  return actions;
}

function parsed(text: string): Action[] | undefined {
  try {
    const [statement, another] = parseSync(text).stmts ?? [];
    if (!statement?.stmt || another) return undefined;
    return commandsOf(statement.stmt).map(({ node, isProtection }) => ({
      key: JSON.stringify(node, (name, value: unknown) =>
        name === "location" ? undefined : value,
      ),
      isProtection,
    }));
  } catch {
    // A statement with variables of PL/pgSQL's own may not parse by itself.
    return undefined;
  }
}

function commandsOf(node: Node): { node: Node; isProtection: boolean }[] {
  if (!("AlterTableStmt" in node)) return [{ node, isProtection: false }];
  return (node.AlterTableStmt.cmds ?? []).map((cmd) => {
    const subtype = "AlterTableCmd" in cmd ? (cmd.AlterTableCmd.subtype ?? "") : "";
    return {
      node: { AlterTableStmt: { ...node.AlterTableStmt, cmds: [cmd] } },
      isProtection: /^AT_(Enable|Force)RowSecurity$/.test(subtype),
    };
  });
}

function onlyProtect(actions: readonly Action[]): boolean {
  return actions.every(({ isProtection }) => isProtection);
}

function keysOf(actions: readonly Action[]): string[] {
  return actions.map(({ key }) => key);
}

function sorted(actions: readonly Action[]): string {
  return String([...new Set(keysOf(actions))].sort());
}
