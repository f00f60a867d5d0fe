import { expireExportsJob, refreshAnalyticsJob, sweepExportsJob } from "./database-jobs.js";
import type { Job } from "./job.js";
import { shipFiguresJob } from "./ship-figures.js";
import { rotateKeysJob, validateKeysJob } from "./vault-jobs.js";

const MINUTE_MS = 60_000;

/** All jobs by name, what each does, and how long a run of it may take. */
export const JOBS = {
  "rotate-keys": {
    says: "encrypts API keys that are under an old KMS key under the present one",
    deadlineMs: 50 * MINUTE_MS,
    run: rotateKeysJob,
  },
  "validate-keys": {
    says: "asks providers for API keys that they refuse, and disables those",
    deadlineMs: 50 * MINUTE_MS,
    run: validateKeysJob,
  },
  "expire-exports": {
    says: "fails exports that stand still, expires and archives those that are due",
    deadlineMs: 10 * MINUTE_MS,
    run: expireExportsJob,
  },
  "sweep-exports": {
    says: "deletes objects that no export names, lets exports expire whose object is gone",
    deadlineMs: 30 * MINUTE_MS,
    run: sweepExportsJob,
  },
  "refresh-analytics": {
    says: "refreshes the reports over all users",
    deadlineMs: 30 * MINUTE_MS,
    run: refreshAnalyticsJob,
  },
  "ship-figures": {
    says: "reads the database's figures as `monitor` and logs them",
    deadlineMs: MINUTE_MS,
    run: shipFiguresJob,
  },
} as const satisfies Record<string, JobDescription>;

/** Name of a job. */
export type JobName = keyof typeof JOBS;

interface JobDescription {
  /** What it does, without a full stop. */
  says: string;
  deadlineMs: number;
  run: Job;
}

/** Whether there is a job of this name. */
export function isJob(name: string): name is JobName {
  return Object.hasOwn(JOBS, name);
}
