// What each command does, from its arguments to its exit code.
import { parseArgs } from "node:util";
import { audit } from "./audit/audit.mjs";
import { checkAfter, checkBefore } from "./check/command.mjs";
import { example } from "./example.mjs";
import { explain } from "./explain.mjs";
import { down, env, preview, redo, refresh, status, up } from "./local/stack-commands.mjs";
import { policy } from "./policy/command.mjs";
import { report } from "./schema-report/command.mjs";
import { test } from "./test.mjs";

const HELP = `Usage: npm run COMMAND [-- OPTIONS]

  up        prepare this machine if need be and bring up the stack "local"
              --renew-emulator   begin the emulator anew and make the AWS resources again; the
                                 database keeps its rows
  redo      roll the newest migration back, or NNN with all above it, apply the files as they are now,
            and bring the stack up: npm run redo -- 002
              --allow-data-loss  go on although rows are lost
  preview   show what "up" would change
  refresh   compare the stack's state with what is there
  audit     judge what is deployed: the state by the policy pack, the live database by its rules
              --stack NAME       a stack of the backend that Pulumi is logged in to, not "local"
              --json             for machines
  check:before
            go through the checklist before a deployment: backup, staging, types, approved plan
  check:after
            go through the one after it: migrations, policies, indexes, trigger, error rate
              --stack NAME       another stack than "local"; it logs in by the secrets that the stack's
                                 outputs name, or by MIGRATOR_URL, APP_URL, SERVICE_URL, MONITOR_URL
              --json             for machines
  status    what runs, where it listens, what is deployed  (--json)
  env       shell exports: eval "$(npm run --silent env)"
  down      destroy the stack, with all rows, and stop the servers
              --purge            forget everything at once: state, database, passphrase
  policy    apply the migrations to a throw-away PostgreSQL, judge what they make, and attack it; exit
            code 1 where something is refused, 2 where the call is wrong or nothing can be judged
              --sql DIR          another folder, of trios or of plain .sql files
              --contract NAME    what the schema is built on: a preset (supabase), or a JSON file; without
                                 it policy/contract.json, or this project's own values
              --environment NAME take into account the waivers that hold there alone
              --no-trial         leave the attacker out (--trial is the default)
              --fresh            judge anew what was judged before
              --json             what was found, as JSON
              --sarif [FILE]     what was found, as SARIF 2.1.0
  report    write one HTML page of the stack's schema: tables, who may do what to whose rows, roles,
            findings, migrations, drift
              --sql DIR          of a folder of SQL in place of the stack; with --contract, --environment
                                 and --fresh as "policy" has them
              --stack NAME       a stack of the backend that Pulumi is logged in to, not "local"
              --output FILE      the page (schema-report.html)
  example   bring the stack up with verified identities, and start examples/learning on it; the next "up"
            takes the identities back to claims
              --port N           where it listens; a free port without
  test      (npm test) lint, type checks, unit tests and one end-to-end run
              --node MAJOR       on Node.js 20, 22 or 24, which npm fetches once (50 MB)
              --smoke            only what another Node.js could break: build, policy, rules, one
                                 migrator run and one stack

Each takes --debug: errors with their stack traces. up, preview and refresh take Pulumi's own flags, too:
npm run preview -- --diff
The stack's files are in .local; APP_DATA_HOME moves them.
`;

const OPTIONS = {
  up: { "renew-emulator": { type: "boolean" } },
  redo: { "allow-data-loss": { type: "boolean" } },
  preview: {},
  refresh: {},
  audit: { json: { type: "boolean" }, stack: { type: "string" } },
  "check:before": { json: { type: "boolean" }, stack: { type: "string" } },
  "check:after": { json: { type: "boolean" }, stack: { type: "string" } },
  status: { json: { type: "boolean" } },
  env: {},
  down: { purge: { type: "boolean" } },
  policy: {
    sql: { type: "string" },
    environment: { type: "string" },
    contract: { type: "string" },
    trial: { type: "boolean" },
    "no-trial": { type: "boolean" },
    fresh: { type: "boolean" },
    json: { type: "boolean" },
    sarif: { type: "string" },
  },
  report: {
    sql: { type: "string" },
    stack: { type: "string" },
    environment: { type: "string" },
    contract: { type: "string" },
    fresh: { type: "boolean" },
    output: { type: "string" },
  },
  example: { port: { type: "string" } },
  test: { node: { type: "string" }, smoke: { type: "boolean" } },
};
const COMMANDS = {
  ...{ up, redo, preview, refresh, audit, status, env, down, policy, report, example, test },
  "check:before": checkBefore,
  "check:after": checkAfter,
};

/** The commands that hand on to Pulumi what they do not know. */
const FOR_PULUMI = ["up", "preview", "refresh"];

/**
 * What a command was given.
 * @returns its options, and what stands beside them: a version, or flags of Pulumi's own.
 * @throws Error for what it does not take.
 */
function readArguments(name, args) {
  const common = { help: { type: "boolean", short: "h" }, debug: { type: "boolean" } };
  const options = { ...OPTIONS[name], ...common };
  const isOwn = (argument) =>
    argument === "-h" || Object.hasOwn(options, argument.replace(/^--/, ""));
  const [own, others] = FOR_PULUMI.includes(name)
    ? [args.filter(isOwn), args.filter((argument) => !isOwn(argument))]
    : [args.map(withDefault), []];
  const { values, positionals } = parseArgs({
    args: own,
    options,
    allowPositionals: name === "redo",
  });
  return { values, rest: [...positionals, ...others] };
}

/** `--sarif` without a file stands for standard output. */
function withDefault(argument, index, all) {
  const isBare = argument === "--sarif" && (all[index + 1] ?? "--").startsWith("--");
  return isBare ? "--sarif=-" : argument;
}

/**
 * Runs a command.
 * @param {string[]} args its name and its options.
 * @returns {Promise<number>} the exit code: 0, 1 on a failure, 2 on a wrong call.
 */
export async function main([name, ...args]) {
  if (name === undefined || name === "help" || name === "--help") {
    process.stdout.write(HELP);
    return name === undefined ? 2 : 0;
  }
  const command = COMMANDS[name];
  if (!command) {
    console.error(`There is no command "${name}".\n\n${HELP}`);
    return 2;
  }
  let values;
  let rest;
  try {
    ({ values, rest } = readArguments(name, args));
  } catch (error) {
    console.error(`${error.message}\n\n${HELP}`);
    return 2;
  }
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  // The migrator, in Pulumi's processes, asks for it.
  if (values.debug) process.env.APP_DATA_DEBUG = "true";
  try {
    return (await command(values, rest)) ?? 0;
  } catch (error) {
    console.error(values.debug ? error : `\nerror: ${explain(error)}`);
    return 1;
  }
}
