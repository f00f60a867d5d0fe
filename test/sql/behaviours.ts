import { createHmac } from "node:crypto";
import type { ClientBase } from "pg";
import { hmacPads } from "../../migrator/src/pulumi/token-settings";
import { A, B, C, IDENTITIES, become } from "./access-attempts";
import type { TestDatabase } from "../support/database";
import { AUDIENCE, forge, now } from "./verified-identity-fixture";

const NOBODY = "dddddddd-0000-4000-8000-000000000004";
const EXPORTS = "public.export_history";
const QUEUE = "public.export_object_deletions";
const keys = (bytes: string, key: string) =>
  `insert into public.user_api_keys (user_id, encrypted_keys, encryption_key_id) values ('${C}', '${bytes}', '${key}')`;
const exported = (columns: string, values: string) =>
  `insert into ${EXPORTS} (user_id, export_type, format${columns && `, ${columns}`}) values ('${A}', ${values})`;
/** Both rows of a table with the key of one of them. */
const twice = (table: string, ...columns: string[]) =>
  `update public.${table} set ${columns.map((c) => `${c} = (select ${c} from public.${table} order by 1 limit 1)`).join(", ")}`;

const KEY = Buffer.alloc(32, 7);
const OLD_KEY = Buffer.alloc(32, 8);
const pads = (key: Buffer) => `'\\x${hmacPads(key).toString("hex")}'`;
const tokenSettings = (audience = AUDIENCE, believes = false) =>
  `insert into auth.token_settings (believes_claims, audience, current_pads, previous_pads)
   values (${believes}, '${audience}', ${pads(KEY)}, ${pads(OLD_KEY)})`;

type Refused = [constraint: string, what: string, sql: string];

const negative = (constraint: string, table: string, column: string): Refused => [
  constraint,
  `a negative ${column}`,
  `update public.${table} set ${column} = -1`,
];
const COUNTERS = [
  ...["sessions", "descriptions", "images", "questions", "vocabulary", "time_seconds"].map(
    (what) => `total_${what}`,
  ),
  ...["sessions_today", "sessions_this_week", "descriptions_this_week", "vocabulary_this_week"],
  ...["time_this_week_seconds", "current_streak_days", "longest_streak_days"],
  ...["best_session_vocabulary", "longest_session_seconds"],
];

/** What the schema refuses whoever writes it, by the constraint or unique index that does. */
export const REFUSED: Refused[] = [
  ["users_pkey", "an id twice", `insert into public.users (id, email) values ('${C}', 'd@x')`],
  ["users_email_key", "an email twice", "update public.users set email = 'c@x'"],
  ["sessions_pkey", "a session twice", twice("sessions", "id")],
  [
    "sessions_user_id_fkey",
    "a session of nobody",
    `insert into public.sessions (user_id, started_at) values ('${NOBODY}', now())`,
  ],
  ...["descriptions_count", "images_count", "questions_count", "vocabulary_count"].map((column) =>
    negative("sessions_counts_check", "sessions", column),
  ),
  [
    "sessions_times_check",
    "an infinite start",
    "update public.sessions set started_at = '-infinity'",
  ],
  ["sessions_times_check", "an infinite end", "update public.sessions set ended_at = 'infinity'"],
  [
    "sessions_times_check",
    "an end before the start",
    "update public.sessions set ended_at = started_at - interval '1 us'",
  ],
  ["token_settings_pkey", "two rows of settings", `${tokenSettings()}; ${tokenSettings()}`],
  [
    "token_settings_is_only_row_check",
    "another row of settings",
    `${tokenSettings()}; update auth.token_settings set is_only_row = false`,
  ],
  ...["", "a b", " a", "a ", "a".repeat(201)].map((audience): Refused => [
    "token_settings_audience_check",
    `the audience ${JSON.stringify(audience)}`,
    tokenSettings(audience),
  ]),
  ["user_api_keys_pkey", "keys with one id twice", twice("user_api_keys", "id")],
  ["idx_user_api_keys_user_id", "a user's keys twice", twice("user_api_keys", "user_id")],
  [
    "user_api_keys_user_id_fkey",
    "keys of nobody",
    `update public.user_api_keys set user_id = '${NOBODY}' where user_id = '${A}'`,
  ],
  ["user_api_keys_encrypted_keys_check", "empty keys", keys("", "k")],
  ["user_api_keys_encryption_key_id_check", "keys without their KMS key", keys("x", "")],
  [
    "user_api_keys_last_validated_at_check",
    "keys that were validated at no time",
    "update public.user_api_keys set last_validated_at = 'infinity'",
  ],
  ["user_progress_pkey", "progress with one id twice", twice("user_progress", "id")],
  ["idx_user_progress_user_id", "a user's progress twice", twice("user_progress", "user_id")],
  [
    "user_progress_user_id_fkey",
    "progress of nobody",
    `insert into public.user_progress (user_id) values ('${NOBODY}')`,
  ],
  ...COUNTERS.map((column) => negative("user_progress_counters_check", "user_progress", column)),
  [
    "user_progress_times_check",
    "activity that ends before it begins",
    "update public.user_progress set first_activity_at = now(), last_activity_at = now() - interval '1 s'",
  ],
  [
    "user_progress_times_check",
    "activity that begins at no time",
    "update public.user_progress set first_activity_at = '-infinity'",
  ],
  [
    "user_progress_times_check",
    "activity that ends at no time",
    "update public.user_progress set last_activity_at = 'infinity'",
  ],
  [
    "user_progress_preferences_check",
    "preferences that are no object",
    "update public.user_progress set preferences = '[]'",
  ],
  [
    "user_progress_achievements_check",
    "achievements that are no object",
    "update public.user_progress set achievements = '[]'",
  ],
  ["export_history_pkey", "an export twice", twice("export_history", "id")],
  [
    "export_history_user_id_fkey",
    "an export of nobody",
    `insert into ${EXPORTS} (user_id, export_type, format) values ('${NOBODY}', 'full', 'csv')`,
  ],
  ["export_history_export_type_check", "a type that is none", exported("", "'other', 'csv'")],
  ["export_history_format_check", "a format that is none", exported("", "'full', 'other'")],
  [
    "export_history_status_check",
    "a status that is none",
    exported("status", "'full', 'csv', 'other'"),
  ],
  ...["file_size_bytes", "row_count", "download_count"].map((column) =>
    negative("export_history_counts_check", "export_history", column),
  ),
  ...["a".repeat(63), "a".repeat(65), "A".repeat(64), `${"a".repeat(64)}\n`].map(
    (checksum): Refused => [
      "export_history_checksum_sha256_check",
      `the checksum ${JSON.stringify(checksum)}`,
      exported("checksum_sha256", `'full', 'csv', '${checksum}'`),
    ],
  ),
  [
    "export_history_filters_check",
    "filters that are no object",
    exported("filters", "'full', 'csv', '[]'"),
  ],
  [
    "export_history_times_check",
    "an infinite expiry",
    exported("expires_at", "'full', 'csv', 'infinity'"),
  ],
  [
    "export_history_times_check",
    "an infinite start of an export",
    exported("started_at", "'full', 'csv', '-infinity'"),
  ],
  [
    "export_history_times_check",
    "an infinite completion",
    exported("completed_at", "'full', 'csv', 'infinity'"),
  ],
  [
    "export_history_times_check",
    "a completion before the start",
    exported("started_at, completed_at", "'full', 'csv', now(), now() - interval '1 us'"),
  ],
  [
    "idx_export_history_storage",
    "one object of two exports",
    `update ${EXPORTS} set storage_bucket = 'b', storage_key = 'k'`,
  ],
  ["export_archive_pkey", "an archived export twice", twice("export_archive", "id")],
  [
    "export_archive_user_id_fkey",
    "an archived export of nobody",
    `update public.export_archive set user_id = '${NOBODY}'`,
  ],
  [
    "export_archive_status_check",
    "an archived export that goes on",
    "update public.export_archive set status = 'processing'",
  ],
  [
    "export_archive_status_check",
    "an archived state that is none",
    "update public.export_archive set status = 'other'",
  ],
  [
    "export_object_deletions_pkey",
    "an object that is to be deleted twice",
    twice("export_object_deletions", "storage_bucket", "storage_key"),
  ],
];

/** The constraint that refuses a statement, or that none does. */
export async function refusedBy(superuser: ClientBase, sql: string): Promise<string> {
  await superuser.query("rollback to savepoint start");
  try {
    await superuser.query(sql);
    return "nothing";
  } catch (error) {
    const { constraint, message } = error as { constraint?: string; message: string };
    return constraint ?? message;
  }
}

type Step = [who: string, sql: string];

/** What functions and triggers do: steps, and what the last of them gives. */
export interface Behaviour {
  what: string;
  steps: Step[];
  gives: string;
}

const key = (state: string, more = "") =>
  `update ${EXPORTS} set status = '${state}', storage_bucket = 'b', storage_key = 'k'${more} where user_id = '${A}'`;
const to = (state: string, more = ""): Step => [
  "service",
  `update ${EXPORTS} set status = '${state}'${more} where user_id = '${A}'`,
];
const completed: Step[] = [
  to("processing"),
  ["service", key("completed", ", completed_at = now(), expires_at = now() + interval '1 h'")],
];
const QUEUED: Step = ["superuser", `select storage_key from ${QUEUE} where storage_bucket = 'b'`];
const aged = (what: string): Step => [
  "superuser",
  `set local session_replication_role = replica; update ${EXPORTS} set ${what} where user_id = '${A}'; set local session_replication_role = origin`,
];
const stateOf: Step = [
  "superuser",
  `select status, storage_key is null, error_message is null from ${EXPORTS} where user_id = '${A}'`,
];
const learners = (count: number): Step => [
  "superuser",
  `insert into public.users (email) select 'learner-' || n from generate_series(1, ${count}) n;
   insert into public.sessions (user_id, started_at, ended_at, vocabulary_count)
     select id, '2026-03-02 10:00Z', '2026-03-02 10:01Z', 2 from public.users where email like 'learner-%'`,
];
const refreshed: Step = ["service", "select public.refresh_progress_analytics()"];
const touched = (table: string, change: string): Behaviour => ({
  what: `an update of ${table} sets updated_at`,
  steps: [
    ["superuser", `update public.${table} set ${change}, updated_at = 'epoch'`],
    ["superuser", `select distinct updated_at = now() from public.${table}`],
  ],
  gives: "true",
});

/** Two completions of A, after one of B whose figures stay as they are. */
const completions = (what: string, end: string, figures: string): Behaviour => ({
  what: `a second completion is counted ${what}, for its user alone`,
  steps: [
    ["B", "update public.sessions set ended_at = '2026-01-05 00:00:10Z', vocabulary_count = 7"],
    ["A", "update public.sessions set ended_at = '2026-01-05 01:00Z', vocabulary_count = 3"],
    ...another(end),
    [
      "superuser",
      `select total_sessions, total_vocabulary, total_time_seconds, current_streak_days, sessions_today,
         sessions_this_week
       from public.user_progress order by user_id`,
    ],
  ],
  gives: `${figures}\n1 7 10 1 1 1`,
});
/** A session of A that took an hour. */
const another = (end: string): Step[] => [
  [
    "superuser",
    `insert into public.sessions (user_id, started_at)
     values ('${A}', timestamptz '${end}' - interval '1 h')`,
  ],
  [
    "A",
    `update public.sessions set ended_at = '${end}', vocabulary_count = 2 where ended_at is null`,
  ],
];
const claimed = (what: string, claims: string): Behaviour => ({
  what: `nobody is signed in by ${what}`,
  steps: [
    ["A", `select set_config('request.jwt.claims', ${claims}, true); select auth.uid() is null`],
  ],
  gives: "true",
});
/** Who is signed in by a token, where B is by the claims; "" is nobody. */
const signedIn = (
  what: string,
  token: string,
  gives = "",
  settings = tokenSettings(),
): Behaviour => ({
  what: `the token's user is signed in${gives ? "" : " by none"}: ${what}`,
  steps: [
    ["superuser", settings],
    ["B", `select set_config('request.jwt.token', '${token}', true); select auth.uid()`],
  ],
  gives,
});
const CLAIMS = { sub: A, aud: AUDIENCE, exp: 4_000_000_000 };
const tokenOf = (claims: object, key = KEY) => forge({ ...CLAIMS, ...claims }, key);
const withHeader = (header: unknown) => forge(CLAIMS, KEY, { header });
/** A token of these parts, whatever they are. */
const sign = (header: string, payload: string) =>
  `${header}.${payload}.${createHmac("sha256", KEY).update(`${header}.${payload}`).digest("base64url")}`;
const [HEADER = "", PAYLOAD = ""] = tokenOf({}).split(".");
const TOKENS: Behaviour[] = [
  signedIn("a good one", tokenOf({}), A),
  signedIn("of the key before", tokenOf({}, OLD_KEY), A),
  signedIn("for two audiences", tokenOf({ aud: ["other", AUDIENCE] }), A),
  signedIn("from half a minute ahead", tokenOf({ nbf: now() + 30, iat: now() + 30 }), A),
  signedIn("while claims are believed", tokenOf({}), B, tokenSettings(AUDIENCE, true)),
  signedIn("of another key", tokenOf({}, Buffer.alloc(32, 9))),
  signedIn("without any", ""),
  signedIn("with four parts", `${tokenOf({})}.x`),
  signedIn("of more than 4,096 characters", tokenOf({ x: "x".repeat(4096) })),
  signedIn("with line breaks in its header", sign(HEADER + "\n".repeat(4), PAYLOAD)),
  signedIn(
    "with half a byte in its header",
    sign(`${HEADER}${"A".repeat((5 - (HEADER.length % 4)) % 4)}`, PAYLOAD),
  ),
  signedIn(
    "with half a byte in its payload",
    sign(HEADER, `${PAYLOAD}${"A".repeat((5 - (PAYLOAD.length % 4)) % 4)}`),
  ),
  signedIn("with a header that is no JSON", withHeader(Buffer.from("x"))),
  signedIn("with a zero in its header", withHeader(Buffer.from('{"alg":"HS256"}\0'))),
  signedIn("with a payload that is no JSON", forge(Buffer.from("x"), KEY)),
  signedIn("with a zero in its payload", forge(Buffer.from(`${JSON.stringify(CLAIMS)}\0`), KEY)),
  signedIn("of another algorithm", withHeader({ alg: "none" })),
  signedIn("with what must be understood", withHeader({ alg: "HS256", crit: ["x"] })),
  signedIn("without an end", tokenOf({ exp: undefined })),
  signedIn("whose end is a text", tokenOf({ exp: "4000000000" })),
  signedIn("that ran out", tokenOf({ exp: now() - 1 })),
  signedIn("for another audience", tokenOf({ aud: "other" })),
  signedIn("for no audience", tokenOf({ aud: undefined })),
  ...["nbf", "iat"].flatMap((claim) => [
    signedIn(`whose ${claim} is a text`, tokenOf({ [claim]: "x" })),
    signedIn(`whose ${claim} is ahead`, tokenOf({ [claim]: now() + 3600 })),
  ]),
  signedIn(
    "of a number of 32 digits",
    forge(Buffer.from(JSON.stringify(CLAIMS).replace(`"${A}"`, "1".repeat(32))), KEY),
  ),
  signedIn("of no UUID", tokenOf({ sub: "x" })),
];

/** What the error of a statement says. */
const said = (what: string, sql: string, message: string): Behaviour => ({
  what,
  steps: [
    [
      "service",
      `do $$ begin ${sql}; exception when others then perform set_config('test.said', sqlerrm, true); end $$;
       select current_setting('test.said') like '${message}'`,
    ],
  ],
  gives: "true",
});

export const BEHAVIOURS: Behaviour[] = [
  {
    what: "a completed session is counted, for its user alone",
    steps: [
      [
        "superuser",
        `insert into public.sessions (user_id, started_at, ended_at, vocabulary_count, images_count, questions_count, descriptions_count)
         values ('${A}', '2026-01-04 23:00Z', '2026-01-04 23:30Z', 9, 1, 1, 1), ('${A}', '2026-01-05 01:00Z', '2026-01-05 01:10Z', 2, 1, 1, 1),
                ('${A}', '2026-01-02 01:00Z', '2026-01-02 01:10Z', 1, 1, 1, 1), ('${B}', '2026-01-05 01:00Z', '2026-01-05 01:10Z', 2, 1, 1, 1)`,
      ],
      [
        "A",
        `update public.sessions set ended_at = '2026-01-06 02:00:30Z', vocabulary_count = 4, images_count = 1, questions_count = 2, descriptions_count = 3 where id = '${A.replace("-0000-", "-0001-")}'`,
      ],
      [
        "superuser",
        `select total_sessions, total_descriptions, total_images, total_questions, total_vocabulary, total_time_seconds, sessions_today,
           sessions_this_week, descriptions_this_week, vocabulary_this_week, time_this_week_seconds, current_streak_days, longest_streak_days,
           best_session_vocabulary, longest_session_seconds, average_session_seconds, last_session_id = '${A.replace("-0000-", "-0001-")}',
           first_activity_at = '2026-01-02 01:00Z', last_activity_at = '2026-01-06 02:00:30Z'
         from public.user_progress where user_id = '${A}'`,
      ],
    ],
    gives: "4 6 4 5 16 96630 1 2 4 6 94230 3 3 9 93630 24157 true true true",
  },
  {
    what: "a user without a progress row gets one with a completion",
    steps: [
      ["superuser", `delete from public.user_progress where user_id = '${A}'`],
      ["A", "update public.sessions set ended_at = '2026-01-05 00:00:10Z'"],
      [
        "superuser",
        "select user_id, total_sessions, total_time_seconds from public.user_progress order by total_sessions",
      ],
    ],
    gives: `${B} 0 0\n${A} 1 10`,
  },
  completions("on the next day", "2026-01-06 01:00Z", "2 5 7200 2 1 2"),
  completions("on the same day", "2026-01-05 03:00Z", "2 5 7200 1 2 2"),
  completions("after a day without one", "2026-01-07 01:00Z", "2 5 7200 1 1 2"),
  completions("in the next week", "2026-01-12 01:00Z", "2 5 7200 1 1 1"),
  completions("out of order", "2026-01-04 01:00Z", "2 5 7200 2 1 1"),
  {
    what: "a completion in order is added to what the row has",
    steps: [
      ["A", "update public.sessions set ended_at = '2026-01-05 01:00Z'"],
      ["superuser", "update public.user_progress set total_sessions = 10"],
      ...another("2026-01-06 01:00Z"),
      ["A", "select total_sessions from public.user_progress"],
    ],
    gives: "11",
  },
  ...TOKENS,
  {
    what: "nobody reads the pads but who verifies by them",
    steps: [
      ["superuser", tokenSettings()],
      ["A", "select count(*) from auth.token_settings"],
    ],
    gives: "42501",
  },
  claimed("a claim that is no JSON", `'{"sub": "x'`),
  claimed("more than 12,288 characters", `'{"sub": "${A}"}' || repeat(' ', 12288)`),
  claimed("a number of 32 digits", `'{"sub": ${"1".repeat(32)}}'`),
  claimed("what is no UUID", `'{"sub": "x"}'`),
  touched("user_api_keys", "is_active = false"),
  touched("user_progress", `preferences = '{"a":1}'`),
  touched("export_history", "download_count = 1"),
  ...(
    [
      ["pending", "completed", "EXP01"],
      ["pending", "expired", "EXP01"],
      ["processing", "pending", "EXP01"],
      ["processing", "expired", "EXP01"],
      ["failed", "processing", "EXP01"],
      ["failed", "pending", "EXP01"],
      ["pending", "processing", "1 rows"],
      ["pending", "failed", "1 rows"],
      ["processing", "failed", "1 rows"],
      ["processing", "completed", "EXP03"],
    ] as const
  ).map(([from, next, gives]): Behaviour => ({
    what: `an export goes from ${from} to ${next}: ${gives}`,
    steps: [aged(`status = '${from}'`), to(next)],
    gives,
  })),
  {
    what: "an export that is completed with its object and times",
    steps: completed,
    gives: "1 rows",
  },
  {
    what: "an export that is completed without an object",
    steps: [to("processing"), to("completed", ", completed_at = now(), expires_at = now()")],
    gives: "EXP03",
  },
  {
    what: "an export that is completed without the time",
    steps: [to("processing"), ["service", key("completed", ", expires_at = now()")]],
    gives: "EXP03",
  },
  {
    what: "an export that is completed without its expiry",
    steps: [to("processing"), ["service", key("completed", ", completed_at = now()")]],
    gives: "EXP03",
  },
  {
    what: "an export that is completed may be counted as downloaded",
    steps: [...completed, to("completed", ", download_count = 1")],
    gives: "1 rows",
  },
  ...["storage_bucket = null, storage_key", "completed_at", "expires_at"].flatMap(
    (columns): Behaviour[] => [
      {
        what: `an export that is completed keeps its ${columns}`,
        steps: [
          ...completed,
          ["service", `update ${EXPORTS} set ${columns} = null where user_id = '${A}'`],
        ],
        gives: "EXP03",
      },
      {
        what: `an export from before 004 may be without its ${columns}`,
        steps: [...completed, aged(`${columns} = null`), to("completed", ", download_count = 1")],
        gives: "1 rows",
      },
    ],
  ),
  {
    what: "an expired export names no object, and its object is queued",
    steps: [...completed, to("expired"), stateOf],
    gives: "expired true true",
  },
  {
    what: "the object of an expired export is queued",
    steps: [...completed, to("expired"), QUEUED],
    gives: "k",
  },
  {
    what: "the object of a deleted export is queued",
    steps: [...completed, ["service", `delete from ${EXPORTS} where user_id = '${A}'`], QUEUED],
    gives: "k",
  },
  {
    what: "an export without an object leaves nothing in the queue",
    steps: [
      ["service", `delete from ${EXPORTS}`],
      ["superuser", `select count(*) from ${QUEUE}`],
    ],
    gives: "2",
  },
  {
    what: "the object of a deleted user is queued, and their rows go",
    steps: [
      ...completed,
      ["superuser", `delete from public.users where id = '${A}'`],
      [
        "superuser",
        `select (select count(*) from ${QUEUE}), (select count(*) from public.sessions), (select count(*) from public.user_api_keys),
          (select count(*) from public.user_progress), (select count(*) from ${EXPORTS}), (select count(*) from public.export_archive)`,
      ],
    ],
    gives: "3 1 1 1 1 1",
  },
  {
    what: "an object that was replaced is queued, and the new one is not",
    steps: [
      ...completed,
      ["service", `update ${EXPORTS} set storage_key = 'k2' where storage_key = 'k'`],
      QUEUED,
    ],
    gives: "k",
  },
  {
    what: "an object that moved to another bucket is queued",
    steps: [
      ...completed,
      ["service", `update ${EXPORTS} set storage_bucket = 'c' where storage_bucket = 'b'`],
      QUEUED,
    ],
    gives: "k",
  },
  {
    what: "an object that is named again changes nothing",
    steps: [
      ...completed,
      ["service", `update ${EXPORTS} set storage_key = 'k' where storage_key = 'k'`],
      QUEUED,
    ],
    gives: "",
  },
  {
    what: "a key that is queued cannot be named",
    steps: [
      ...completed,
      to("expired"),
      [
        "service",
        `update ${EXPORTS} set status = 'processing', storage_bucket = 'b', storage_key = 'k' where user_id = '${B}'`,
      ],
    ],
    gives: "EXP04",
  },
  {
    what: "a queued key of another bucket can be named",
    steps: [
      ...completed,
      to("expired"),
      [
        "service",
        `update ${EXPORTS} set storage_bucket = 'c', storage_key = 'k' where user_id = '${B}'`,
      ],
    ],
    gives: "1 rows",
  },
  {
    what: "a bucket cannot be named without a key",
    steps: [["service", `update ${EXPORTS} set storage_bucket = 'b' where user_id = '${A}'`]],
    gives: "EXP02",
  },
  {
    what: "a key cannot be named without a bucket",
    steps: [["service", `update ${EXPORTS} set storage_key = 'k' where user_id = '${A}'`]],
    gives: "EXP02",
  },
  said(
    "it says that a key is missing",
    `update ${EXPORTS} set storage_bucket = 'b'`,
    "EXP002 export % names a bucket without a key.",
  ),
  said(
    "it says that a bucket is missing",
    `update ${EXPORTS} set storage_key = 'k'`,
    "EXP002 export % names a key without a bucket.",
  ),
  ...["storage_bucket", "storage_key"].map((column): Behaviour => ({
    what: `an export with a ${column} alone, from before 004, can fail`,
    steps: [aged(`status = 'processing', ${column} = 'x'`), to("failed"), stateOf],
    gives: "failed true true",
  })),
  {
    what: "a user changes an export while it is pending alone",
    steps: [to("processing"), ["A", `update ${EXPORTS} set filters = '{}'`]],
    gives: "0 rows",
  },
  {
    what: "a user sees an export whatever its state",
    steps: [to("processing"), ["A", `select status from ${EXPORTS}`]],
    gives: "processing",
  },
  {
    what: "a completed session cannot be changed by its user",
    steps: [
      ["A", "update public.sessions set ended_at = '2026-01-06Z'"],
      ["A", "update public.sessions set images_count = 9"],
    ],
    gives: "0 rows",
  },
  {
    what: "a session is counted when it is completed, and not again",
    steps: [
      ["A", "update public.sessions set ended_at = '2026-01-06Z'"],
      ["superuser", "update public.user_progress set total_sessions = 99"],
      ["superuser", "update public.sessions set ended_at = ended_at"],
      ["superuser", "select distinct total_sessions from public.user_progress"],
    ],
    gives: "99",
  },
  {
    what: "an export without progress for an hour is given up, and no other",
    steps: [
      aged("status = 'processing', updated_at = now() - interval '61 min'"),
      ["service", "select public.fail_stalled_exports()"],
      ["superuser", `select status, error_message is null from ${EXPORTS} order by 1`],
    ],
    gives: "failed false\npending true",
  },
  ...(
    [
      ["fail_stalled_exports()", "status = 'processing', updated_at = now() - interval '59 min'"],
      ["fail_stalled_exports()", "status = 'pending', updated_at = now() - interval '2 h'"],
      ["fail_stalled_exports(0)", "status = 'processing', updated_at = now() - interval '2 h'"],
      ["expire_exports()", "status = 'completed', expires_at = now() + interval '1 min'"],
      ["expire_exports()", "status = 'processing', expires_at = now() - interval '1 min'"],
      ["expire_exports(0)", "status = 'completed', expires_at = now() - interval '1 min'"],
      ["archive_exports()", "status = 'failed', created_at = now() - interval '89 days'"],
      ["archive_exports()", "status = 'completed', created_at = now() - interval '91 days'"],
      ["archive_exports(most => 0)", "status = 'failed', created_at = now() - interval '91 days'"],
    ] as const
  ).map(([call, state]): Behaviour => ({
    what: `${call} takes nothing of ${state}`,
    steps: [aged(state), ["service", `select public.${call}`]],
    gives: "0",
  })),
  {
    what: "an export that is due expires",
    steps: [
      aged("status = 'completed', expires_at = now() - interval '1 min'"),
      ["service", "select public.expire_exports()"],
      stateOf,
    ],
    gives: "expired true true",
  },
  {
    what: "an export that is over and old is archived",
    steps: [
      aged("status = 'failed', created_at = now() - interval '91 days'"),
      ["service", "select public.archive_exports()"],
      [
        "superuser",
        `select (select count(*) from ${EXPORTS}), count(*), count(*) filter (where created_at < now() - interval '90 days') from public.export_archive`,
      ],
    ],
    gives: "1 3 1",
  },
  {
    what: "what was archived long ago is deleted",
    steps: [
      [
        "superuser",
        `update public.export_archive set archived_at = now() - interval '1 day' * case user_id when '${A}' then 366 else 364 end`,
      ],
      ["service", "select public.delete_archived_exports()"],
      ["superuser", "select user_id from public.export_archive"],
    ],
    gives: B,
  },
  {
    what: "what was archived is deleted a batch at a time",
    steps: [
      ["superuser", "update public.export_archive set archived_at = now() - interval '366 days'"],
      ["service", "select public.delete_archived_exports(most => 1)"],
      ["superuser", "select count(*) from public.export_archive"],
    ],
    gives: "1",
  },
  {
    what: "objects are claimed once in ten minutes, the oldest first",
    steps: [
      [
        "superuser",
        `update ${QUEUE} set requested_at = now() - interval '1 h' where storage_key = '${B}'`,
      ],
      [
        "superuser",
        `update ${QUEUE} set claimed_at = now() - interval '9 min' where storage_key = '${A}'`,
      ],
      ["service", "select * from public.claim_export_object_deletions()"],
    ],
    gives: `bucket ${B}`,
  },
  {
    what: "a claim is counted and ends after ten minutes",
    steps: [
      ["superuser", `update ${QUEUE} set claimed_at = now() - interval '11 min', attempts = 1`],
      ["service", "select count(*) from public.claim_export_object_deletions(1)"],
      [
        "superuser",
        `select sum(attempts), count(*) filter (where claimed_at = now()) from ${QUEUE}`,
      ],
    ],
    gives: "3 1",
  },
  {
    what: "objects that no export names are queued",
    steps: [
      ...completed,
      ["service", "select public.queue_unnamed_export_objects('b', '{k,stray,stray}')"],
      QUEUED,
    ],
    gives: "stray",
  },
  {
    what: "an object of another bucket is not taken for one that is named",
    steps: [...completed, ["service", "select public.queue_unnamed_export_objects('c', '{k}')"]],
    gives: "1",
  },
  {
    what: "reports have no row of 4 users",
    steps: [
      learners(4),
      refreshed,
      [
        "service",
        "select (select count(*) from public.activity_by_day), (select count(*) from public.activity_by_week), (select count(*) from public.retention_by_cohort), (select count(*) from public.vocabulary_growth)",
      ],
    ],
    gives: "0 0 0 0",
  },
  {
    what: "reports have the row of 5 users once they are refreshed",
    steps: [
      learners(5),
      refreshed,
      [
        "service",
        "select (select users from public.activity_by_day), (select sessions from public.activity_by_week), (select users from public.retention_by_cohort), (select total_vocabulary from public.vocabulary_growth)",
      ],
    ],
    gives: "5 5 5 10",
  },
  { what: "a refresh says that it was done", steps: [refreshed], gives: "true" },
  {
    what: "a transaction that has refreshed is not taken for another",
    steps: [refreshed, refreshed],
    gives: "true",
  },
  {
    what: "monitor is told what the migrator's log does not have",
    steps: [
      [
        "superuser",
        `create schema migrations;
         create table migrations.log (
           id bigint, recorded_at timestamptz, event text, applied boolean, version text,
           catalog_changes jsonb);
         create table migrations.journal (
           id bigint, recorded_at timestamptz, run bigint, step integer, catalog_changes jsonb);
         insert into migrations.log (id, catalog_changes) values (1, '{"policy public.users.gone": {"command": "all"}}');
         grant usage on schema migrations to migrator; grant select on all tables in schema migrations to migrator`,
      ],
      [
        "monitor",
        "select object, change from monitoring.read_changes() where object like 'policy public.users.%' order by 1 limit 2",
      ],
    ],
    gives: "policy public.users.gone removed\npolicy public.users.users_delete_own added",
  },
  {
    what: "the back office is given ids of users that come after one, in order, as many as it asks for",
    steps: [["service", `select public.users_after('${A}', 2)`]],
    gives: `${B}\n${C}`,
  },
  {
    what: "and no more than that",
    steps: [["service", `select public.users_after('${A}', 1)`]],
    gives: B,
  },
  {
    what: "statements of this database are told",
    steps: [
      ["superuser", "create extension pg_stat_statements with schema monitoring"],
      ["superuser", "select count(*) > 0 from monitoring.read_statements() where calls > 0"],
    ],
    gives: "true",
  },
  {
    what: "who waits for a lock is told, and for how many",
    steps: [
      [
        "superuser",
        "select role, waits_for, waiting_ms > 0, cardinality(blocked_by) from monitoring.read_waits()",
      ],
    ],
    gives: "postgres ExclusiveLock true 1",
  },
  {
    what: "the report is one document",
    steps: [["monitor", "select count(*) from jsonb_object_keys(monitoring.report())"]],
    gives: "15",
  },
];

/** Has one session wait for a lock that another has, until the database is dropped. */
export async function keepWaiting(database: TestDatabase): Promise<void> {
  const lock = "select pg_advisory_lock(1)";
  const [holder, waiter] = [await database.connect("postgres"), await database.connect("postgres")];
  await holder.query(lock);
  // It ends with its connection.
  waiter.query(lock).catch(() => undefined);
  const waits = "select from pg_locks where locktype = 'advisory' and not granted";
  while ((await holder.query(waits)).rowCount === 0) continue;
}

/** What the last step of a behaviour gives: its rows, how many it wrote, or the SQLSTATE. */
export async function resultOf(superuser: ClientBase, { steps }: Behaviour): Promise<string> {
  await superuser.query("rollback to savepoint start");
  let given = "";
  for (const [who, sql] of steps) {
    const identity = IDENTITIES[who];
    if (!identity) throw new Error(`Nobody is called ${who}.`);
    await superuser.query(
      `set local session authorization default; reset role; ${become(identity)}`,
    );
    try {
      const result = await superuser.query({ text: sql, rowMode: "array" });
      const last: { rows: unknown[][]; rowCount: number | null; command: string } = Array.isArray(
        result,
      )
        ? result.at(-1)
        : result;
      given =
        last.command === "SELECT"
          ? last.rows.map((row) => row.join(" ")).join("\n")
          : `${last.rowCount} rows`;
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      return code ?? message;
    }
  }
  return given;
}
