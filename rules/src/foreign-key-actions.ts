import { referencesOf } from "./adoption";
import { isGranted } from "./granted-commands";
import { quoteName } from "./names";
import { type OwnerProof, ownerProof } from "./owner-proof";
import { bindsCommand, expressionOf } from "./policy-parts";
import { type Found, defineRule } from "./rule";
import type { ForeignKey, RowPolicy, Table } from "./schema";
import type { WayLinks } from "./way-links";

/** PostgreSQL does what a foreign key says with the table owner's rights, and asks no policy. */
export const foreignKeyActionsRule = defineRule({
  name: "foreign-key-actions",
  code: "POL135",
  description: "What a user does with their own rows changes no rows of others by a foreign key.",
  severity: "medium",
  level: "advisory",
  remediation:
    "Refuse it (`on delete restrict`), or let a row name none but rows of its own owner: by the owner as part " +
    "of the foreign key, or in the `with check`.",
  find: (schema) => {
    const proof = ownerProof(schema);
    return schema.tables.flatMap((child) =>
      // What holds for a partitioned table is said once.
      child.kind === "partition" || proof.ownership.isOwnerless(child)
        ? []
        : (child.foreignKeys ?? []).flatMap((key) => new Reach(proof, child, key).found()),
    );
  },
});

/** What happens to rows of a table by one of its foreign keys. */
class Reach {
  private readonly parent: Table | undefined;
  private readonly references: readonly string[];

  constructor(
    private readonly proof: OwnerProof,
    private readonly child: Table,
    private readonly key: ForeignKey,
  ) {
    this.parent = proof.ownership.table(key.table);
    this.references = referencesOf(key, this.parent);
  }

  public found(): Found[] {
    const { parent, child, key } = this;
    if (!parent) return [];
    const actions = (["delete", "update"] as const).flatMap((command) => {
      const action = command === "delete" ? key.onDelete : key.onUpdate;
      return action !== undefined && this.isFired(parent, command)
        ? [{ command, action, done: action === "cascade" ? command : ("update" as const) }]
        : [];
    });
    const open = actions.filter(({ done }) => !this.isAllowed(done));
    if (open.length === 0 || this.hasOneOwner(parent) || !this.isFree(parent)) return [];
    const object = `foreign key (${key.columns.join(", ")}) of ${quoteName(child)}`;
    const said = open.map(({ command, action }) => `on ${command} ${action}`).join(" ");
    const does = open.map(({ command, done }) => {
      const own = command === "delete" ? "deletes a row" : `changes ${this.references.join(", ")}`;
      return `${own} of ${quoteName(parent)} so ${done}s`;
    });
    return [
      {
        object,
        message:
          `${object} is \`${said}\`: who ${does.join(", or ")} what other users wrote into ` +
          `${quoteName(child)}, which no policy of it lets them do`,
        remediation:
          `Write \`on ${open[0]?.command ?? "delete"} restrict\`, or let rows name none but those of their owner: ` +
          "with the owner as part of the foreign key, or by a `with check`.",
        origin: child.origin,
      },
    ];
  }

  /** Whether an end user may do with rows of the parent what the foreign key answers. */
  private isFired(parent: Table, command: "delete" | "update"): boolean {
    const columns = command === "update" ? this.references : undefined;
    return (
      isGranted(parent, command, this.proof.users, columns) &&
      this.policiesFor(parent, command).some(
        ({ using }) => using !== null && !this.proof.isNever(parent, using),
      )
    );
  }

  /** Whether a policy lets whoever has the parent do the same with the child, as it is theirs or by itself. */
  private isAllowed(done: "delete" | "update"): boolean {
    const { child, proof, key } = this;
    const owners = proof.ownership.ownersOf(child);
    const leads = (policy: RowPolicy) =>
      (proof.waysOf(child, policy.using ?? "") ?? []).some(
        (way) => !way.isUsers(0, owners) && this.parentsIn(way).length > 0,
      );
    const readers = (["select", "update", "delete"] as const).flatMap((command) =>
      this.policiesFor(child, command),
    );
    if (owners.length === 0) return readers.some(leads);
    const columns = done === "update" ? key.columns : undefined;
    return (
      isGranted(child, done, proof.users, columns) && this.policiesFor(child, done).some(leads)
    );
  }

  /** Whether the owner of both rows is part of the foreign key, or is who has it all. */
  private hasOneOwner(parent: Table): boolean {
    const { ownership } = this.proof;
    const [owners, theirs] = [ownership.ownersOf(this.child), ownership.ownersOf(parent)];
    return this.key.columns.some(
      (column, at) => owners.includes(column) && theirs.includes(this.references[at] ?? ""),
    );
  }

  /** Whether an end user may write a row that names a parent of somebody else. */
  private isFree(parent: Table): boolean {
    const { child, proof, key } = this;
    const owners = proof.ownership.ownersOf(parent);
    const ties = (policy: RowPolicy) => {
      const expression = expressionOf(policy, "check");
      const ways = expression === null ? undefined : proof.waysOf(child, expression);
      return (
        ways?.every((way) =>
          this.parentsIn(way).some((id) =>
            owners.length > 0 ? way.isUsers(id, owners) : isSomeUsers(way, proof),
          ),
        ) ?? false
      );
    };
    return (["insert", "update"] as const).some((command) => {
      if (!isGranted(child, command, proof.users, key.columns)) return false;
      const binding = (child.policies ?? []).filter((policy) =>
        bindsCommand(policy, command, proof.users),
      );
      const isNarrowed = binding.some((policy) => !policy.permissive && ties(policy));
      return !isNarrowed && binding.some((policy) => policy.permissive && !ties(policy));
    });
  }

  /** The rows that a condition reads by the foreign key. */
  private parentsIn(way: WayLinks): number[] {
    return way.sources.flatMap(({ id, table }) => {
      if (!table || quoteName(table) !== quoteName(this.key.table)) return [];
      const isNamed = this.key.columns.every((column, at) =>
        way.equalTo(id, 0, column).includes(this.references[at] ?? ""),
      );
      return isNamed ? [id] : [];
    });
  }

  private policiesFor(table: Table, command: "select" | "update" | "delete"): RowPolicy[] {
    return (table.policies ?? []).filter(
      (policy) => policy.permissive && bindsCommand(policy, command, this.proof.users),
    );
  }
}

/** Whether a row that a condition reads is the signed-in user's. */
function isSomeUsers(way: WayLinks, { ownership }: OwnerProof): boolean {
  return way.sources.some(
    ({ id, table }) => table !== undefined && way.isUsers(id, ownership.ownersOf(table)),
  );
}
