import { awsPoliciesOf } from "./aws-policies";
import { type Fixture, judgeResource, unknown } from "./judging";

const judge = (fixture: Fixture) => judgeResource(awsPoliciesOf("prod", "database-roles"), fixture);
const role = (roles: unknown): Fixture => ({
  type: "postgresql:index/role:Role",
  name: "app",
  props: { inherit: false, skipReassignOwned: true, roles },
});
const membership = (grantRole: unknown): Fixture => ({
  type: "postgresql:index/grantRole:GrantRole",
  name: "app-more",
  props: { role: "app", grantRole },
});
const database = (owner?: unknown): Fixture => ({
  type: "postgresql:index/database:Database",
  name: "main",
  props: { ...(owner !== undefined && { owner }) },
});

describe("what a role may become", () => {
  it("is the roles of requests, and one that RDS lets log in with a token", async () => {
    expect(await judge(role(["anon", "authenticated", "service_role"]))).toEqual([]);
    expect(await judge(membership("authenticated"))).toEqual([]);
    expect(await judge(membership("rds_iam"))).toEqual([]);
  });

  it("is not the owner of the tables, nor a role of the server with powers", async () => {
    expect(await judge(role(["anon", "migrator", "pg_read_all_data"]))).toEqual([
      "database-role-memberships: POL185 Role app is a member of migrator, pg_read_all_data; it may become " +
        "no role but anon, authenticated, service_role. Take migrator, pg_read_all_data out of `roles`.",
    ]);
    expect(await judge(membership("rds_superuser"))).toEqual([
      "database-role-memberships: POL185 GrantRole app-more is a member of rds_superuser; it may become no " +
        "role but anon, authenticated, service_role, rds_iam. Take rds_superuser out of `grantRole`.",
    ]);
  });

  it("is left alone while it is not known", async () => {
    expect(await judge(role(unknown))).toEqual([]);
    expect(await judge(membership(unknown))).toEqual([]);
  });
});

describe("the owner of the database", () => {
  it("is the migrator, and left alone while it is not known", async () => {
    expect(await judge(database("migrator"))).toEqual([]);
    expect(await judge(database(unknown))).toEqual([]);
  });

  it.each([
    ["app", "app"],
    [undefined, "the role that creates it"],
  ])("is not %s", async (owner, found) => {
    expect(await judge(database(owner))).toEqual([
      `database-owned-alone: POL185 Database main is owned by ${found}; it must be owned by migrator, ` +
        'which runs the migrations. Set `owner: "migrator"`.',
    ]);
  });
});
