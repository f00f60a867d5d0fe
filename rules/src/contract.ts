import type { TableName } from "./names";
import type { Role } from "./schema";

// What the schema contract fixes, and no migration may choose.

/** The role that runs migrations and owns what they make. */
export const migrationRole = "migrator";

/** PUBLIC, as the model spells it. */
export const everyone = "public";

/** A request without a signed-in user. */
export const anonymous = "anon";

/** Back office and jobs: may read what its own policies and grants name. */
export const backOffice = "service_role";

/** The role that applications log in as, and what it may become. */
export const loginRole = "app";
export const requestRoles: readonly string[] = [anonymous, "authenticated", backOffice];

/** Roles that requests of end users run as, or that can take on one. */
export const endUserRoles: readonly string[] = [everyone, anonymous, "authenticated", loginRole];

/** The setting that the server fills with the claims of a verified token. */
export const claimsSetting = "request.jwt.claims";

/** Functions that say who makes the request. */
export const identityFunctions: readonly string[] = ["uid", "jwt", "role"];
export const identitySchema = "auth";

/** Name of the table whose key is what `auth.uid()` returns. */
export const usersTable = "users";
/** The columns that tell its rows apart, each alone. */
export const usersKeys: readonly string[] = ["id", "email"];

/**
 * Names of the column that says whose row it is, where no foreign key does, in the order in which they
 * are believed.
 */
export const ownerColumnNames: readonly string[] = [
  "user_id",
  "owner_id",
  "owner",
  "owned_by",
  "author_id",
  "account_id",
  "profile_id",
  "creator_id",
  "created_by",
  "customer_id",
  "member_id",
  "student_id",
  "learner_id",
  "person_id",
  "patient_id",
  "employee_id",
  "user_uuid",
  "user",
  "uid",
];

/**
 * Names of the column, or of the verified claim, that says to which tenant a row or a user belongs: what is
 * written there is written for all who are in it.
 */
export const tenantNames: readonly string[] = [
  "tenant_id",
  "org_id",
  "organization_id",
  "organisation_id",
  "workspace_id",
  "company_id",
  "team_id",
  "group_id",
  "project_id",
  "channel_id",
  "conversation_id",
  "chat_id",
  "thread_id",
  "room_id",
  "household_id",
  "family_id",
];

/** Tables whose rows no role may read across users, not even {@link backOffice}. */
export const sealedTables: readonly TableName[] = [{ schema: "public", name: "user_api_keys" }];

/** The roles of the contract, as they are before the first migration. */
export function contractRoles(): Role[] {
  const plain = {
    superuser: false,
    bypassRowSecurity: false,
    createRole: false,
    createDatabase: false,
    replication: false,
    inherit: true,
    memberOf: [],
  };
  const memberships = requestRoles.map((role) => ({
    role,
    admin: false,
    inherit: false,
    set: true,
  }));
  return [
    { ...plain, name: migrationRole, login: true },
    { ...plain, name: loginRole, login: true, inherit: false, memberOf: memberships },
    ...requestRoles.map((name) => ({ ...plain, name, login: false })),
  ];
}
