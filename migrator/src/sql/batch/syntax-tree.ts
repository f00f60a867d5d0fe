import type { Node } from "libpg-query";

/** The kinds of nodes of PostgreSQL's syntax tree. */
export type NodeKind = Node extends infer Each ? (Each extends Each ? keyof Each : never) : never;

/** A node of one kind: an object with one property, which is called after it. */
export type NodeOf<Kind extends NodeKind> = Extract<Node, Record<Kind, unknown>>;

const QUERIES: readonly NodeKind[] = [
  "SelectStmt",
  "InsertStmt",
  "UpdateStmt",
  "DeleteStmt",
  "MergeStmt",
  "CreateTableAsStmt",
];

/** Whether a statement is a query, which reads or writes rows and may call functions. */
export function isQuery(tree: Node): boolean {
  return QUERIES.some((kind) => kind in tree);
}

/** Every node of one kind in a part of a syntax tree, the outermost first. */
export function nodesIn<Kind extends NodeKind>(part: unknown, kind: Kind): NodeOf<Kind>[] {
  if (typeof part !== "object" || part === null) return [];
  const inner = Object.values(part).flatMap((each: unknown) => nodesIn(each, kind));
  return isNodeOf(part, kind) ? [part, ...inner] : inner;
}

function isNodeOf<Kind extends NodeKind>(part: object, kind: Kind): part is NodeOf<Kind> {
  return kind in part && Object.keys(part).length === 1;
}
