/** What `migrator --help` prints. */
export const HELP = `migrator: plans, applies, verifies and rolls back SQL migrations

  migrator plan                what \`up\` would do: statements, locks, sizes, hazards, and a hash
  migrator up                  applies what is pending   [--target NNN] [--plan HASH]
  migrator rollback            undoes the newest         [--to NNN | --to none] [--allow-data-loss]
  migrator verify              runs the verify files of what is applied; writes nothing
  migrator status              what is applied, half applied, pending  [--sql NNN prints its SQL]
  migrator drift               what in the catalog is not as the migrations made it
  migrator attest              what the catalog holds, with its digest
  migrator preflight           name, route, TLS, login and rights, step by step
  migrator tunnel [-- COMMAND] keeps an SSM port-forward open on 127.0.0.1 while COMMAND runs, or
                               until Ctrl-C: --host HOST [--port 5432] --tunnel INSTANCE
                               --region REGION           [--local-port 6432]
  migrator new NAME            writes an empty trio with the next number
  migrator baseline            records migrations of an existing database, whose verify files pass,
                               as applied                [--target NNN] --reason TEXT
  migrator repair NNN          corrects the log          --accept-file | --mark-rolled-back
                                                         --reason TEXT
  migrator repair --accept-drift --reason TEXT
                               takes the catalog as it is for the one that is expected

  --directory DIR              folder of the migrations (default sql)
  --full                       plan with every statement, also those that lock and endanger nothing
  --files                      plan without the database, from the files alone
  --json                       for machines: one JSON document on standard output
  --connect-role ROLE          may connect to the database beside its owner; may be repeated
  --waivers FILE               what the gate lets pass (default policy/waivers.json, where there is one)
  --environment NAME           local, dev, staging or prod: so that waivers for it hold
  --lock-wait SECONDS          how long to wait for another migrator (default 60)
  --lock-timeout MS            how long a statement waits for a lock before all is retried (default 3000)

  The database: a URL in the variable MIGRATOR_URL, or in the one that --url-variable names; or
  --host HOST --database NAME [--port 5432] [--user migrator] (--secret ARN | --iam) [--region REGION]
    [--tunnel INSTANCE]        through an SSM port-forward that this command opens and closes;
                               i-…, mi-… or tag:NAME=VALUE
    [--server-name NAME]       name that the certificate must carry (default: the host)
    [--no-tls]                 on a network of your own only

  Exit code: 0 done; 1 refused or failed, drift found; 2 the command line was not understood; of
  tunnel, that of COMMAND.
  docs/migrations/README.md says more; docs/errors.md explains each code.
`;
