import type { Sessions } from "../session/sessions.js";
import { type RunOptions, type RunResult, runOverUsers } from "./run.js";
import type { UserKeys } from "./user-keys.js";

/** How keys are rotated. */
export interface RotationOptions extends RunOptions {
  /**
   * Only counts.
   * @default false
   */
  readonly dryRun?: boolean;
}

/** What a rotation did. */
export interface RotationResult extends RunResult {
  /** Users whose keys were under another KMS key when it began. */
  readonly due: number;
  /** Users whose keys are under the present one now. */
  readonly rotated: number;
}

/** KMS answers several at once, and the database has connections for others, too. */
const AT_ONCE = 4;

/** As {@link Vault.rotate} says. */
export async function rotateKeys(
  sessions: Sessions,
  userKeys: UserKeys,
  { dryRun = false, ...options }: RotationOptions,
): Promise<RotationResult> {
  const current = sessions.settings.apiKeysKeyArn;
  const due = await sessions.asService(async (db) => {
    const { count } = await db
      .selectFrom("user_api_keys")
      .select((of) => of.fn.countAll<bigint>().as("count"))
      .where("encryption_key_id", "<>", current)
      .executeTakeFirstOrThrow();
    return Number(count);
  });
  let rotated = 0;
  const pageAfter = async (userId: string, most: number) => {
    if (dryRun) return [];
    const rows = await sessions.asService((db) =>
      db
        .selectFrom("user_api_keys")
        .select("user_id")
        .where("encryption_key_id", "<>", current)
        .where("user_id", ">", userId)
        .orderBy("user_id")
        .limit(most)
        .execute(),
    );
    return rows.map(({ user_id }) => user_id);
  };
  const rotate = async (userId: string) => {
    const row = await userKeys.read(userId);
    if (row === undefined || row.keyArn === current) return;
    if (await userKeys.change(userId, (keys) => (keys.length > 0 ? keys : undefined))) rotated += 1;
  };
  const result = await runOverUsers(pageAfter, rotate, AT_ONCE, options);
  return { ...result, due, rotated };
}
