/** A node of the tree that PL/pgSQL's parser makes, whose types nobody has written down. */
export type Fields = Readonly<Record<string, unknown>>;

/** The fields of a node; none for what is no node. */
export function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** The items of a list; none for what is no list. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The SQL of an expression or a statement; undefined for what is none. */
export function sqlOf(node: unknown): string | undefined {
  const text = fields(fields(node)["PLpgSQL_expr"])["query"];
  return typeof text === "string" ? text : undefined;
}

/** The variable that says what fired a trigger. */
export const OPERATION = "tg_op";

/** The level of `raise exception`. */
export const ERROR_LEVEL = 21;
