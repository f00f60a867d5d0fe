import type { Node, RoleSpec, TypeName } from "libpg-query";
import { identifiers } from "./expressions";
import { everyone } from "./contract";

/** An option of a statement: its name and its value, `true` when it is given without one. */
export type Options = ReadonlyMap<string, Node | undefined>;

/** The options of a statement, by lower-case name; of two of a name, the last. */
export function optionsOf(nodes: readonly Node[] | undefined): Options {
  return new Map(
    (nodes ?? []).flatMap((node) =>
      "DefElem" in node ? [[(node.DefElem.defname ?? "").toLowerCase(), node.DefElem.arg]] : [],
    ),
  );
}

/** Whether an option is on; one that is given without a value is. */
export function isOn(value: Node | undefined): boolean {
  if (!value) return true;
  if ("Boolean" in value) return value.Boolean.boolval ?? false;
  if ("Integer" in value) return (value.Integer.ival ?? 0) !== 0;
  return "String" in value && /^(true|on|yes|1)$/i.test(value.String.sval ?? "");
}

/** The role that a statement names. @param current what CURRENT_USER stands for. */
export function roleName({ roletype, rolename = "" }: RoleSpec, current: string): string {
  if (roletype === "ROLESPEC_PUBLIC") return everyone;
  return roletype === "ROLESPEC_CSTRING" ? rolename : current;
}

/** The roles of a list of a statement. */
export function roleNames(nodes: readonly Node[] | undefined, current: string): string[] {
  return (nodes ?? []).flatMap((node) => {
    if ("RoleSpec" in node) return [roleName(node.RoleSpec, current)];
    return "AccessPriv" in node ? [node.AccessPriv.priv_name ?? ""] : [];
  });
}

/** A type's name without its schema and its modifiers: "uuid", "text[]". */
export function typeName(type: TypeName | undefined): string {
  const name = identifiers(type?.names ?? []).at(-1) ?? "";
  return `${name}${type?.arrayBounds ? "[]" : ""}`;
}

/** The names of a list of columns. */
export function columnNames(nodes: readonly Node[] | undefined): string[] {
  return identifiers(nodes ?? []);
}
