import type { Node } from "libpg-query";
import type { Call } from "./expressions";
import { isIdentity } from "./identity-expressions";
import { type Frame, resolve } from "./names-in-scope";
import { typeName } from "./nodes";
import type { DatabaseFunction } from "./schema";

/**
 * The one of several functions of a name whose parameters have the very types that a call gives, which
 * PostgreSQL prefers to all others.
 * @param parametersOf the input parameters of a function, as they are declared.
 * @returns undefined where a type is not known, or none fits.
 */
export function byTypes(
  candidates: readonly DatabaseFunction[],
  { args }: Call,
  frame: Frame,
  parametersOf: (item: DatabaseFunction) => readonly string[],
): DatabaseFunction | undefined {
  const given = args.map((arg) => typeOf(arg, frame));
  if (given.includes(undefined)) return undefined;
  const fitting = candidates.filter((item) => {
    const declared = parametersOf(item);
    return (
      declared.length === given.length &&
      declared.every((parameter, at) => typesOf(parameter).includes(given[at] ?? ""))
    );
  });
  return fitting.length === 1 ? fitting[0] : undefined;
}

/** The type of a cast, of a table's column or of the user's id, by its name in the catalog. */
function typeOf(node: Node, frame: Frame): string | undefined {
  if ("TypeCast" in node) return printed(typeName(node.TypeCast.typeName));
  if ("FuncCall" in node && isIdentity(node)) return "uuid";
  const resolved = "ColumnRef" in node ? resolve(node.ColumnRef, frame) : undefined;
  if (resolved?.kind !== "column") return undefined;
  const { source, column } = resolved;
  const type = source.table?.columns?.find(({ name }) => name === column)?.type;
  return type && printed(type);
}

/** What may be the type of a parameter, which need not have a name. */
function typesOf(parameter: string): string[] {
  return [parameter, parameter.replace(/^\S+\s+/, "")].map(printed);
}

/** Names of types as they are parsed, by what the catalog calls them. */
const names: Readonly<Record<string, string>> = {
  int2: "smallint",
  int4: "integer",
  int8: "bigint",
  bool: "boolean",
  varchar: "character varying",
};

function printed(type: string): string {
  const name = type.replace(/\(.*\)/, "");
  return names[name] ?? name;
}
