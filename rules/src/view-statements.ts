import type { AlterTableCmd, CreateTableAsStmt, ViewStmt } from "libpg-query";
import { defaultGrants } from "./grant-statements";
import { largeObjectIn } from "./large-object-names";
import { type TableName, quoteName } from "./names";
import { isOn, optionsOf } from "./nodes";
import { withEntry, withoutEntries } from "./object-model";
import { followRelation } from "./renamed";
import type { View } from "./schema";
import type { StatementScope } from "./statement-scope";

export function createView({ view, options }: ViewStmt, scope: StatementScope): void {
  if (!view || view.relpersistence === "t") return;
  const given = optionsOf(options);
  const securityInvoker = given.has("security_invoker") && isOn(given.get("security_invoker"));
  make(scope.target(view), { kind: "view", securityInvoker }, scope);
}

export function createMaterializedView({ into }: CreateTableAsStmt, scope: StatementScope): void {
  if (!into?.rel) return;
  make(scope.target(into.rel), { kind: "materialized view", securityInvoker: false }, scope);
}

/** Takes `alter view … set`, `reset` and `owner to` into account. @returns whether it is a view. */
export function alterView(
  name: TableName,
  { subtype, def, newowner }: AlterTableCmd,
  owner: string,
  scope: StatementScope,
): boolean {
  const key = quoteName(name);
  const view = scope.objects.views.get(key);
  if (!view) return false;
  const given = optionsOf(def && "List" in def ? def.List.items : []);
  const touches = given.has("security_invoker");
  let changed: View = view;
  if (subtype === "AT_SetRelOptions" && touches) {
    changed = { ...view, securityInvoker: isOn(given.get("security_invoker")) };
  } else if (subtype === "AT_ResetRelOptions" && touches) {
    changed = { ...view, securityInvoker: false };
  } else if (subtype === "AT_ChangeOwner" && newowner) changed = { ...view, owner };
  if (changed !== view) {
    scope.objects.views = withEntry(scope.objects.views, key, { ...changed, origin: scope.origin });
  }
  return true;
}

export function renameView(from: TableName, to: TableName, scope: StatementScope): void {
  const { objects } = scope;
  if (objects.views.has(quoteName(from))) followRelation(from, to, scope);
  const view = objects.views.get(quoteName(from));
  if (!view) return;
  const others = withoutEntries(objects.views, (_, key) => key === quoteName(from));
  objects.views = withEntry(others, quoteName(to), { ...view, ...to });
}

export function dropView(name: TableName, { objects, path }: StatementScope): void {
  if (path.length > 0) return;
  objects.views = withoutEntries(objects.views, (_, key) => key === quoteName(name));
}

function make(
  name: TableName,
  made: Pick<View, "kind" | "securityInvoker">,
  scope: StatementScope,
): void {
  const { objects, role, origin, sql } = scope;
  const known = objects.views.get(quoteName(name));
  const largeObject = largeObjectIn(sql);
  const view: View = {
    ...name,
    ...made,
    ...(largeObject !== undefined && { largeObject }),
    owner: known?.owner ?? role,
    grants: known?.grants ?? defaultGrants(scope, name.schema),
    definition: sql,
    origin,
  };
  objects.views = withEntry(objects.views, quoteName(name), view);
}
