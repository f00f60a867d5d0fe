import { migrationRole, requestRoles } from "@app-data/rules";
import { type Judged, type ResourceRule, type Verdict, demand, demandOff, demandOn } from "./rule";
import { DATABASE, MEMBERSHIP, ROLE } from "./types";
import { read } from "../reading";

const topic = { code: "POL185", page: "database-roles" };
const POWERS = [
  "superuser",
  "bypassRowLevelSecurity",
  "createRole",
  "createDatabase",
  "replication",
];
/** Lets a role log in to RDS with a token, and do nothing else. */
const TOKEN_LOGIN = "rds_iam";

/** What holds of roles and databases that the stack makes on the server. */
export const databaseRoleRules: readonly ResourceRule[] = [
  {
    name: "database-roles-powerless",
    severity: "critical",
    description:
      "No role of the stack is a superuser, passes row level security or makes roles, or becomes one that does.",
    remediation:
      "Leave the attributes off and the memberships to the roles of requests; give rights in a migration.",
    topic,
    types: [ROLE, MEMBERSHIP],
    check: (resource) =>
      resource.type === MEMBERSHIP
        ? demandHarmless(resource, "grantRole", [...requestRoles, TOKEN_LOGIN])
        : [
            ...POWERS.flatMap((attribute) => demandOff(resource, attribute)),
            ...demandHarmless(resource, "roles", requestRoles),
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
    description:
      "The migrator owns the database, what is dropped goes to nobody unseen, and nobody copies it.",
    remediation:
      "Set `owner` to the migrator, `skipReassignOwned: true`, `isTemplate: false`, `alterObjectOwnership: false`.",
    topic,
    types: [ROLE, DATABASE],
    check: (resource) =>
      resource.type === ROLE
        ? demandOn(resource, "skipReassignOwned")
        : [
            ...["isTemplate", "alterObjectOwnership"].flatMap((key) => demandOff(resource, key)),
            ...demandOwner(resource),
          ],
  },
];

/** Who becomes the owner of tables, or a role of the server with powers, passes what binds requests. */
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

/** Who owns a database may drop it, and make schemas in it. */
function demandOwner(resource: Judged): Verdict[] {
  return demand(resource, ["owner"], (owner) =>
    owner === migrationRole
      ? undefined
      : `is owned by ${owner === undefined ? "whoever makes it" : String(owner)}; it must be owned by ` +
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
