import { defaultContract, requestRolesOf } from "@app-data/rules";
import { type Judged, type ResourceRule, type Verdict, demand, demandOff, demandOn } from "./rule";
import { DATABASE, MEMBERSHIP, ROLE } from "./types";
import { read } from "../reading";

const { migrationRole } = defaultContract;
const requestRoles = requestRolesOf(defaultContract);
const topic = { code: "POL185", page: "database-roles" };
/** What sets a role above the rules of the others, by the rule that refuses it. */
const POWERS = {
  "database-role-superuser": ["superuser", "No role of the stack is a superuser."],
  "database-role-row-security": [
    "bypassRowLevelSecurity",
    "No role of the stack passes row level security.",
  ],
  "database-role-makes-roles": ["createRole", "No role of the stack makes roles."],
  "database-role-makes-databases": ["createDatabase", "No role of the stack makes databases."],
  "database-role-replicates": [
    "replication",
    "No role of the stack reads all changes of the server.",
  ],
} as const;
/** Lets a role log in to RDS with a token, and do nothing else. */
const TOKEN_LOGIN = "rds_iam";

/** What holds of roles and databases that the stack makes on the server. */
export const databaseRoleRules: readonly ResourceRule[] = [
  ...Object.entries(POWERS).map(([name, [attribute, description]]): ResourceRule => ({
    name,
    severity: "critical",
    description,
    remediation: `Leave \`${attribute}\` off; give rights in a migration.`,
    topic,
    types: [ROLE],
    check: (resource) => demandOff(resource, attribute),
  })),
  {
    name: "database-role-memberships",
    severity: "critical",
    description: "Roles of the stack are members of no roles but those of requests.",
    remediation: "Leave the memberships to the roles of requests; give rights in a migration.",
    topic,
    types: [ROLE, MEMBERSHIP],
    check: (resource) =>
      resource.type === MEMBERSHIP
        ? demandHarmless(resource, "grantRole", [...requestRoles, TOKEN_LOGIN])
        : demandHarmless(resource, "roles", requestRoles),
  },
  {
    name: "database-role-inherits-nothing",
    severity: "critical",
    description: "A role that is a member of others has their rights only after `set role`.",
    remediation: "Set `inherit: false`.",
    topic,
    types: [ROLE],
    check: demandChosenRoles,
  },
  {
    name: "database-login-password",
    severity: "high",
    description: "A role that logs in has a SCRAM verifier as its password.",
    remediation: "Set `password` to a SCRAM verifier; other roles do not log in.",
    topic,
    types: [ROLE],
    check: (resource) =>
      logsIn(resource)
        ? // What the server is given is in its log and in the state; a verifier opens nothing.
          demand(resource, ["password"], (password) =>
            typeof password === "string" && password.startsWith("SCRAM-SHA-256$")
              ? undefined
              : "logs in with a password that is not a SCRAM verifier; it must be one. Set `password` to the verifier.",
          )
        : [],
  },
  {
    name: "database-login-limit",
    severity: "high",
    description: "A role that logs in has a limit of connections.",
    remediation: "Set `connectionLimit`; other roles do not log in.",
    topic,
    types: [ROLE],
    check: (resource) =>
      logsIn(resource)
        ? demand(resource, ["connectionLimit"], (limit) =>
            typeof limit === "number" && limit > 0
              ? undefined
              : "logs in without a limit of connections, so it can take all of them; it must have one. " +
                "Set `connectionLimit`.",
          )
        : [],
  },
  {
    name: "database-owned-alone",
    severity: "medium",
    description: "The migrator owns the database.",
    remediation: "Set `owner` to the migrator.",
    topic,
    types: [DATABASE],
    check: demandOwner,
  },
  {
    name: "database-not-template",
    severity: "medium",
    description: "The database is no template that others may copy.",
    remediation: "Set `isTemplate: false`.",
    topic,
    types: [DATABASE],
    check: (resource) => demandOff(resource, "isTemplate"),
  },
  {
    name: "database-objects-keep-owner",
    severity: "medium",
    description: "A change of the database's owner changes no owner of what is in it.",
    remediation: "Set `alterObjectOwnership: false`.",
    topic,
    types: [DATABASE],
    check: (resource) => demandOff(resource, "alterObjectOwnership"),
  },
  {
    name: "database-role-drop-refused",
    severity: "medium",
    description:
      "A role that still owns objects is not dropped: they would silently go to another owner.",
    remediation: "Set `skipReassignOwned: true`.",
    topic,
    types: [ROLE],
    check: (resource) => demandOn(resource, "skipReassignOwned"),
  },
];

/** The owner of tables, or a role of the server with powers, is past what binds requests. */
function demandHarmless(resource: Judged, key: string, allowed: readonly string[]): Verdict[] {
  return demand(resource, [key], (value) => {
    const given = value === undefined ? [] : Array.isArray(value) ? value : [value];
    const odd = given.filter((role) => !allowed.some((each) => each === role));
    if (odd.length === 0) return undefined;
    const found = odd.map(String).join(", ");
    return (
      `is a member of ${found}; it may become no role but ${allowed.join(", ")}. ` +
      `Take ${found} out of \`${key}\`.`
    );
  });
}

/** The owner of a database may drop it, and make schemas in it. */
function demandOwner(resource: Judged): Verdict[] {
  return demand(resource, ["owner"], (owner) =>
    owner === migrationRole
      ? undefined
      : `is owned by ${owner === undefined ? "the role that creates it" : String(owner)}; it must be owned by ` +
        `${migrationRole}, which runs the migrations. Set \`owner: "${migrationRole}"\`.`,
  );
}

/** A login that inherits what it is a member of has all their rights at once, without choosing one. */
function demandChosenRoles(resource: Judged): Verdict[] {
  const member = read(resource.props, "roles");
  if (member.state === "absent") return [];
  if (member.state === "known" && Array.isArray(member.value) && member.value.length === 0)
    return [];
  return demand(resource, ["inherit"], (inherit) =>
    inherit === false
      ? undefined
      : "inherits the rights of the roles that it is a member of; it must take one on by " +
        "`set role`. Set `inherit: false`.",
  );
}

function logsIn({ props }: Judged): boolean {
  const login = read(props, "login");
  return login.state === "known" && login.value === true;
}
