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
  /** Users whose keys were under another KMS key. */
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
  let [due, rotated] = [0, 0];
  const rotate = async (userId: string) => {
    const row = await userKeys.read(userId);
    if (row === undefined || row.keyArn === current) return;
    due += 1;
    if (dryRun) return;
    if (await userKeys.change(userId, (keys) => (keys.length > 0 ? keys : undefined))) rotated += 1;
  };
  const result = await runOverUsers(sessions, rotate, AT_ONCE, options);
  return { ...result, due, rotated };
}
