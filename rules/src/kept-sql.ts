import {
  type ColumnRef,
  type FuncCall,
  type Node,
  type RangeVar,
  type TypeName,
  parseSync,
  scanSync,
} from "libpg-query";
import { identifiers } from "./expressions";
import { aliasOf } from "./from-clause";

/** What a text is: a policy's expression, a statement, or the body of a function in standard SQL. */
export type KeptForm = "expression" | "statement" | "body";

/** What a query reads from: the name of the item, and the relation where it is one. */
export interface FromItem {
  alias: string;
  relation: RangeVar | undefined;
}

/** A name in SQL that PostgreSQL keeps parsed, so that it means an object and follows it. */
export interface Mention {
  kind: "call" | "relation" | "type" | "column";
  /** The parts of the name; a star is "*". */
  parts: readonly string[];
  /** How many arguments a call gives. */
  args: number;
  /** What the queries around it read, innermost first. */
  levels: readonly (readonly FromItem[])[];
  /** A common table expression has this name, too. */
  isLocal: boolean;
  /** The byte of the text at which it is written. */
  at: number;
}

/** What is known at a place of a syntax tree. */
type Surroundings = Pick<Mention, "levels"> & { local: readonly string[] };

const BEFORE_EXPRESSION = "select (";

/** Every name of an object in a text; none where it can not be read. */
export function mentionsIn(text: string, form: KeptForm): Mention[] {
  const found: Mention[] = [];
  collect(parsed(text, form), "", { levels: [], local: [] }, found);
  if (form !== "expression") return found;
  return found.map((mention) => ({ ...mention, at: mention.at - BEFORE_EXPRESSION.length }));
}

/** The text with other names in the place of some. @param to undefined leaves a name as it is. */
export function withNames(
  text: string,
  form: KeptForm,
  to: (mention: Mention) => readonly string[] | undefined,
): string {
  const renamed = new Map(
    mentionsIn(text, form).flatMap((mention) => {
      const parts = to(mention);
      return parts ? [[mention.at, { parts, length: mention.parts.length }] as const] : [];
    }),
  );
  if (renamed.size === 0) return text;
  const bytes = Buffer.from(text, "utf8");
  const { tokens } = scanSync(text);
  let result = "";
  let done = 0;
  for (const [index, { start }] of tokens.entries()) {
    const name = renamed.get(start);
    if (!name) continue;
    result += bytes.subarray(done, start).toString("utf8") + name.parts.map(written).join(".");
    // Between two parts of a name stands a point.
    done = tokens[index + 2 * name.length - 2]?.end ?? bytes.length;
  }
  return result + bytes.subarray(done).toString("utf8");
}

function written(part: string): string {
  return part === "*" ? part : `"${part.replaceAll('"', '""')}"`;
}

function parsed(text: string, form: KeptForm): unknown {
  try {
    if (form === "expression") return parseSync(`${BEFORE_EXPRESSION}${text}\n)`);
    return parseSync(form === "body" ? withoutFrame(text) : text);
  } catch {
    // A text that is no SQL by itself mentions nothing that can be known.
    return undefined;
  }
}

/** The statements of a body, each at its place. */
function withoutFrame(body: string): string {
  return body
    .replace(/^return\b/i, "select")
    .replace(/^begin\s+atomic\b/i, (frame) => " ".repeat(frame.length))
    .replace(/\bend\s*;?\s*$/i, "");
}

function collect(value: unknown, key: string, around: Surroundings, found: Mention[]): void {
  if (typeof value !== "object" || value === null) return;
  let within = around;
  if (isQuery(value)) {
    const names = value.withClause?.ctes?.flatMap((node) =>
      "CommonTableExpr" in node ? [node.CommonTableExpr.ctename ?? ""] : [],
    );
    const local = [...around.local, ...(names ?? [])];
    const items = (value.fromClause ?? []).flatMap((node) => itemsOf(node, local));
    within = { levels: [items, ...around.levels], local };
  }
  const add = (kind: Mention["kind"], parts: string[], at = 0, args = 0) => {
    const isLocal = parts.length === 1 && around.local.includes(parts[0] ?? "");
    found.push({ kind, parts, args, at, isLocal, levels: around.levels });
  };
  if (isCall(value)) add("call", identifiers(value.funcname), value.location, value.args?.length);
  else if (isRelation(value)) {
    const { schemaname, relname, location } = value;
    add("relation", schemaname === undefined ? [relname] : [schemaname, relname], location);
  } else if (isType(value)) add("type", identifiers(value.names), value.location);
  else if (key === "ColumnRef" && isColumn(value)) {
    const parts = value.fields.map((field) =>
      "String" in field ? (field.String.sval ?? "") : "*",
    );
    add("column", parts, value.location);
  }
  const entries: [string, unknown][] = Object.entries(value);
  for (const [name, below] of entries) collect(below, name, within, found);
}

function itemsOf(node: Node, local: readonly string[]): FromItem[] {
  if ("JoinExpr" in node) {
    const { larg, rarg } = node.JoinExpr;
    return [larg, rarg].flatMap((side) => (side ? itemsOf(side, local) : []));
  }
  const relation = "RangeVar" in node ? node.RangeVar : undefined;
  const isLocal = relation?.schemaname === undefined && local.includes(relation?.relname ?? "");
  return [{ alias: aliasOf(node), relation: isLocal ? undefined : relation }];
}

interface Query {
  fromClause?: Node[];
  withClause?: { ctes?: Node[] };
}

function isQuery(value: object): value is Query {
  return "fromClause" in value || "withClause" in value;
}

function isCall(value: object): value is FuncCall & { funcname: Node[] } {
  return "funcname" in value;
}

function isRelation(value: object): value is RangeVar & { relname: string } {
  return "relname" in value;
}

function isType(value: object): value is TypeName & { names: Node[] } {
  return "names" in value && "typemod" in value;
}

function isColumn(value: object): value is ColumnRef & { fields: Node[] } {
  return "fields" in value;
}
