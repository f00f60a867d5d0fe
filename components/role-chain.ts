import * as postgresql from "@pulumi/postgresql";
import type * as pulumi from "@pulumi/pulumi";

/** Creates roles one after the other: PostgreSQL refuses simultaneous ones, "tuple concurrently updated". */
export class RoleChain {
  private last: pulumi.Resource | undefined;

  constructor(
    private readonly name: string,
    private readonly parent: pulumi.Resource,
    private readonly provider: postgresql.Provider,
    /** `role:NAME` and `database:NAME` of what the server has already and the state does not. */
    private readonly adopt: readonly string[],
  ) {}

  /** A role without login, rights or passwords, but for what the arguments say. */
  add(
    role: string,
    args: postgresql.RoleArgs,
    options: pulumi.CustomResourceOptions = {},
  ): postgresql.Role {
    const created = new postgresql.Role(
      `${this.name}-${role}`,
      {
        name: role,
        login: false,
        inherit: true,
        superuser: false,
        bypassRowLevelSecurity: false,
        createDatabase: false,
        createRole: false,
        replication: false,
        // A role that still owns something is not dropped; the master would inherit it unseen.
        skipReassignOwned: true,
        ...args,
      },
      { ...this.options("role", role), ...options },
    );
    this.last = created;
    return created;
  }

  /** The database, which its owner alone has rights in, and those that PUBLIC has by default. */
  addDatabase(
    databaseName: string,
    owner: pulumi.Output<string>,
    protect: boolean,
  ): postgresql.Database {
    const created = new postgresql.Database(
      `${this.name}-database`,
      {
        name: databaseName,
        owner,
        encoding: "UTF8",
        // Byte order: the same on every machine, and no index breaks when the C library is replaced.
        lcCollate: "C",
        lcCtype: "C",
        template: "template0",
        allowConnections: true,
        connectionLimit: -1,
        isTemplate: false,
        alterObjectOwnership: false,
      },
      { ...this.options("database", databaseName), protect },
    );
    this.last = created;
    return created;
  }

  /** Makes a role a member of one that the stack did not make. */
  addMembership(role: pulumi.Output<string>, grantRole: string): postgresql.GrantRole {
    const created = new postgresql.GrantRole(
      `${this.name}-${grantRole}`,
      { role, grantRole, withAdminOption: false },
      this.options(),
    );
    this.last = created;
    return created;
  }

  private options(kind?: string, name?: string): pulumi.CustomResourceOptions {
    const dependsOn = this.last ? [this.last] : [];
    const options = { parent: this.parent, provider: this.provider, dependsOn };
    return name && this.adopt.includes(`${kind}:${name}`) ? { ...options, import: name } : options;
  }
}
