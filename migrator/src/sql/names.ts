import type { Node, RangeVar } from "libpg-query";

/** A relation as SQL writes it, quoted where it must be: `public.users`; bare when it is unqualified. */
export function relationName({ schemaname, relname = "" }: RangeVar): string {
  return sqlName(schemaname === undefined ? [relname] : [schemaname, relname]);
}

/** Parts of a name as SQL writes them. */
export function sqlName(parts: readonly string[]): string {
  return parts.map(quote).join(".");
}

/** The parts of a name in a tree, be it a list of them, one, a type or a function. */
export function nameParts(node: Node | readonly Node[] | undefined): string[] {
  if (node === undefined) return [];
  if (isList(node)) return node.flatMap(nameParts);
  if ("String" in node) return [node.String.sval ?? ""];
  if ("List" in node) return nameParts(node.List.items);
  if ("TypeName" in node) return nameParts(node.TypeName.names);
  if ("ObjectWithArgs" in node) return nameParts(node.ObjectWithArgs.objname);
  if ("RangeVar" in node) {
    const { schemaname, relname = "" } = node.RangeVar;
    return schemaname === undefined ? [relname] : [schemaname, relname];
  }
  return [];
}

/** Whether a name, as SQL writes it, has its schema. */
export function isQualified(name: string): boolean {
  return name.replace(/"(?:[^"]|"")*"/g, "").includes(".");
}

function isList(node: Node | readonly Node[]): node is readonly Node[] {
  return Array.isArray(node);
}

function quote(identifier: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(identifier)
    ? identifier
    : `"${identifier.replaceAll('"', '""')}"`;
}
