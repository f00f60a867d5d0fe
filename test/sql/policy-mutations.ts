import type { ClientBase } from "pg";
import type { Mutation } from "./mutations";

type Command = "all" | "select" | "insert" | "update" | "delete";

/** A policy as the catalog has it. */
interface Policy {
  table: string;
  name: string;
  permissive: boolean;
  command: Command;
  roles: string;
  using: string | null;
  check: string | null;
}

const COMMANDS: readonly Command[] = ["all", "select", "insert", "update", "delete"];

/**
 * Every mutant of every policy of schema `public` that means something else: another command, other roles,
 * restrictive, each clause wider, narrower, negated or open to who has not signed in, a condition less,
 * a clause less or more, and no policy at all.
 */
export async function policyMutations(client: ClientBase): Promise<(Mutation & Policy)[]> {
  const { rows } = await client.query<Policy>(
    `select tablename as table, policyname as name, permissive = 'PERMISSIVE' as permissive,
            lower(cmd) as command, array_to_string(roles, ', ') as roles, qual as using,
            with_check as check
       from pg_policies where schemaname = 'public' order by 1, 2`,
  );
  return rows.flatMap((policy) => mutantsOf(policy).map((mutant) => ({ ...policy, ...mutant })));
}

function mutantsOf(policy: Policy): Mutation[] {
  const { table, name, roles, using, check, command } = policy;
  const place = `policy public.${table}.${name}`;
  const drop = `drop policy ${name} on public.${table}`;
  const made = (group: string, change: Partial<Policy>): Mutation => ({
    group,
    sql: `${drop}; ${create({ ...policy, ...change })}`,
    noticedAs: `${place} is "`,
  });
  return [
    { group: "drop", sql: drop, noticedAs: `${place} is missing` },
    made("to public", { roles: "public" }),
    made("to anon", { roles: "anon" }),
    made("to anon, too", { roles: `${roles}, anon` }),
    made(policy.permissive ? "restrictive" : "permissive", { permissive: !policy.permissive }),
    ...COMMANDS.filter((other) => other !== command).map((other) =>
      made(`for ${other}`, { command: other, ...clausesOf(other, using ?? check) }),
    ),
    ...otherExpressions(using).map((mutant, at) => made(`using ${at}`, { using: mutant })),
    ...otherExpressions(check).map((mutant, at) => made(`with check ${at}`, { check: mutant })),
    ...(using !== null && check !== null && using !== check
      ? [made("without check", { check: null })]
      : []),
    ...(using !== null && using !== "true" && check === null && clausesOf(command, using).check
      ? [made("with a check", { check: "true" })]
      : []),
  ];
}

/** The clauses that a command takes, of one expression. */
function clausesOf(command: Command, expression: string | null) {
  return {
    using: command === "insert" ? null : expression,
    check: command === "select" || command === "delete" ? null : expression,
  };
}

function otherExpressions(expression: string | null): string[] {
  if (expression === null) return [];
  if (expression === "true") return ["false"];
  const [, first, second] = /^\((.*) AND (.*)\)$/.exec(expression) ?? [];
  return [
    "true",
    "false",
    `not ${expression}`,
    `${expression} or (select auth.uid()) is null`,
    ...(first !== undefined && second !== undefined ? [first, second] : []),
  ];
}

function create({ table, name, permissive, command, roles, using, check }: Policy): string {
  return (
    `create policy ${name} on public.${table} as ${permissive ? "permissive" : "restrictive"} ` +
    `for ${command} to ${roles}` +
    (using === null ? "" : ` using (${using})`) +
    (check === null ? "" : ` with check (${check})`)
  );
}
