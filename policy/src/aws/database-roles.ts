import { type Judged, type ResourceRule, type Verdict, demand, demandOff, demandOn } from "./rule";
import { DATABASE, ROLE } from "./types";
import { read } from "../reading";

const topic = { code: "POL185", page: "database-roles" };
const POWERS = [
  "superuser",
  "bypassRowLevelSecurity",
  "createRole",
  "createDatabase",
  "replication",
];

/** What holds of roles and databases that the stack makes on the server. */
export const databaseRoleRules: readonly ResourceRule[] = [
  {
    name: "database-roles-powerless",
    severity: "critical",
    description: "No role of the stack is a superuser, passes row level security or makes roles.",
    remediation: "Leave the attributes off; give rights in a migration.",
    topic,
    types: [ROLE],
    check: (resource) => [
      ...POWERS.flatMap((attribute) => demandOff(resource, attribute)),
      ...demandChosenRoles(resource),
    ],
  },
  {
    name: "database-logins-bounded",
    severity: "high",
    description: "A role that logs in has a SCRAM verifier and a limit of connections.",
    remediation:
      "Set `password` to a SCRAM verifier and `connectionLimit`; other roles do not log in.",
    topic,
    types: [ROLE],
    check: (resource) => (logsIn(resource) ? demandBounds(resource) : []),
  },
  {
    name: "database-owned-alone",
    severity: "medium",
    description: "What is dropped goes to nobody unseen, and nobody copies the database.",
    remediation:
      "Set `skipReassignOwned: true`, `isTemplate: false`, `alterObjectOwnership: false`.",
    topic,
    types: [ROLE, DATABASE],
    check: (resource) =>
      resource.type === ROLE
        ? demandOn(resource, "skipReassignOwned")
        : ["isTemplate", "alterObjectOwnership"].flatMap((key) => demandOff(resource, key)),
  },
];

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

function demandBounds(resource: Judged): Verdict[] {
  return [
    // What the server is given is in its log and in the state of whoever watches; a verifier opens nothing.
    ...demand(resource, ["password"], (password) =>
      typeof password === "string" && password.startsWith("SCRAM-SHA-256$")
        ? undefined
        : "logs in with what is no SCRAM verifier; it must be one. Set `password` to the verifier.",
    ),
    ...demand(resource, ["connectionLimit"], (limit) =>
      typeof limit === "number" && limit > 0
        ? undefined
        : "logs in without a limit of connections, so it can take all of them; it must have one. " +
          "Set `connectionLimit`.",
    ),
  ];
}

function logsIn({ props }: Judged): boolean {
  const login = read(props, "login");
  return login.state === "known" && login.value === true;
}
