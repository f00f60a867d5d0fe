import type { ClientBase } from "pg";
import { type Mutation, batches } from "./mutations";
import { type Migration, runStatements } from "./sql-files";

/** The problems that verify lists after changes, in a transaction that is rolled back. */
export async function verifyProblems(
  superuser: ClientBase,
  statements: string[],
  migration: Migration,
): Promise<string[]> {
  await superuser.query("begin");
  try {
    for (const sql of statements) await superuser.query(sql);
    await superuser.query("set local role migrator");
    await runStatements(superuser, migration, "verify");
    return [];
  } catch (error) {
    const { message } = error as Error;
    const [first, ...problems] = message.split("\n- ");
    if (first !== `SQL007 ${migration} does not hold (problems: ${problems.length}).`) {
      throw new Error(`${statements.join(";\n")}\n${message}`, { cause: error });
    }
    return problems;
  } finally {
    await superuser.query("rollback");
  }
}

/** The mutations that verify passed over in silence. */
export async function survivingMutations(
  superuser: ClientBase,
  mutations: Mutation[],
  migration: Migration,
): Promise<string[]> {
  const unnoticed: string[] = [];
  for (const batch of batches(mutations)) {
    const problems = await verifyProblems(
      superuser,
      batch.map(({ sql }) => sql),
      migration,
    );
    for (const { sql, noticedAs } of batch) {
      if (problems.some((problem) => problem.startsWith(noticedAs))) continue;
      unnoticed.push(`${sql}: no line starts with "${noticedAs}" in: ${problems.join("; ")}`);
    }
  }
  return unnoticed;
}
