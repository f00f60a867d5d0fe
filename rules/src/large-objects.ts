import { endUsers } from "./end-users";
import { isGranted } from "./granted-commands";
import { largeObjectIn } from "./large-object-names";
import { quoteName } from "./names";
import { type Found, defineRule } from "./rule";
import type { DatabaseFunction, Origin, Schema, Table } from "./schema";

const remedy =
  "Keep the bytes in a `bytea` column of the row, or in S3 with their key in the row; what only the back " +
  "office runs may use large objects.";

/** A large object has an owner and rights, but no policies, and all signed-in users are one role. */
export const largeObjectsRule = defineRule({
  name: "large-objects",
  code: "POL134",
  description: "Nothing that end users reach makes, reads or writes large objects.",
  severity: "high",
  level: "mandatory",
  remediation: remedy,
  find: (schema) => {
    const users = endUsers(schema);
    return [
      ...ofFunctions(schema, users),
      ...schema.tables.flatMap((table) => [
        ...ofPolicies(table, users),
        ...ofDefaults(table, users),
      ]),
      ...ofViews(schema, users),
    ];
  },
});

function ofFunctions(schema: Schema, users: ReadonlySet<string>): Found[] {
  const using = (schema.functions ?? []).flatMap((item) => {
    const name = largeObjectIn(item.source ?? "");
    return name === undefined ? [] : [{ item, name }];
  });
  if (using.length === 0) return [];
  const reached = reachedBy(schema, users);
  return using
    .filter(({ item }) => reached.has(item))
    .map(({ item, name }) =>
      describe(`function ${quoteName(item)}(${item.arguments})`, name, item.origin),
    );
}

/** The functions that end users run: by themselves, by writing a table, or with the rights of another's owner. */
function reachedBy(
  { functions = [], triggers = [], tables, views = [] }: Schema,
  users: ReadonlySet<string>,
): ReadonlySet<DatabaseFunction> {
  const written = [...tables, ...views].filter((relation) =>
    ["insert", "update", "delete"].some((command) => isGranted(relation, command, users)),
  );
  const isFired = (item: DatabaseFunction) =>
    triggers.some(
      (trigger) =>
        quoteName(trigger.function) === quoteName(item) &&
        written.some((relation) => quoteName(relation) === quoteName(trigger.relation)),
    );
  const isReached = (item: DatabaseFunction) =>
    item.returns === "trigger" ? isFired(item) : item.executableBy.some((role) => users.has(role));
  const reached = new Set(functions.filter(isReached));
  for (const { securityDefiner, source } of reached) {
    if (!securityDefiner) continue;
    for (const item of functions) if (source?.includes(item.name)) reached.add(item);
  }
  return reached;
}

function ofPolicies(table: Table, users: ReadonlySet<string>): Found[] {
  return (table.policies ?? []).flatMap((policy) => {
    const name = largeObjectIn(`${policy.using ?? ""} ${policy.check ?? ""}`);
    if (name === undefined || !policy.roles.some((role) => users.has(role))) return [];
    const object = `policy ${policy.name} on ${quoteName(table)}`;
    return [describe(object, name, policy.origin ?? table.origin)];
  });
}

function ofDefaults(table: Table, users: ReadonlySet<string>): Found[] {
  if (!isGranted(table, "insert", users)) return [];
  return (table.columns ?? []).flatMap(({ name, largeObject }) =>
    largeObject === undefined
      ? []
      : [describe(`the default of ${quoteName(table)}.${name}`, largeObject, table.origin)],
  );
}

function ofViews({ views = [] }: Schema, users: ReadonlySet<string>): Found[] {
  return views.flatMap((view) =>
    view.largeObject === undefined || !isGranted(view, "select", users)
      ? []
      : [describe(`${view.kind} ${quoteName(view)}`, view.largeObject, view.origin)],
  );
}

function describe(object: string, name: string, origin: Origin | undefined): Found {
  return {
    object,
    message:
      `${object} uses large objects (${name}) and end users reach it: no policy confines a large object, ` +
      "and those of all signed-in users belong to one role; what a user stores must be in rows of theirs",
    remediation: remedy,
    origin,
  };
}
