import type { ColumnDef, Constraint, Node, TypeName } from "libpg-query";
import { functionCalls } from "@app-data/rules";
import type { Hazard, Subeffect } from "./effect";
import { referencedTables } from "./foreign-keys";
import { nameParts } from "../names";
import { callName, isUnknown } from "./queries";

// PostgreSQL's own functions that give another value for each row and serve as a default.
const VOLATILE_FUNCTIONS = new Set([
  "clock_timestamp",
  "gen_random_uuid",
  "nextval",
  "random",
  "random_normal",
  "timeofday",
]);
const SERIAL_TYPES = new Set([
  "serial",
  "bigserial",
  "smallserial",
  "serial2",
  "serial4",
  "serial8",
]);
// With these constraints in it, a definition makes an index.
const INDEXED: readonly Constraint["contype"][] = [
  "CONSTR_PRIMARY",
  "CONSTR_UNIQUE",
  "CONSTR_EXCLUSION",
];

/** `add column`: without a rewrite where every row can have the same value. */
export function addedColumn({ typeName, constraints = [] }: ColumnDef): Subeffect {
  const found = constraints.flatMap((node) => ("Constraint" in node ? [node.Constraint] : []));
  const has = (...types: Constraint["contype"][]) =>
    found.some(({ contype }) => types.includes(contype));
  const type = nameParts(typeName?.names);
  const given = found.find(({ contype }) => contype === "CONSTR_DEFAULT")?.raw_expr;
  const volatility = volatilityOf(given);
  const rewrites =
    volatility.rewrites ||
    SERIAL_TYPES.has(type.at(-1) ?? "") ||
    has("CONSTR_IDENTITY") ||
    found.some(
      ({ contype, generated_kind }) => contype === "CONSTR_GENERATED" && generated_kind !== "v",
    );
  const indexes = has(...INDEXED);
  const isOwnType = type.length === 2 && type[0] !== "pg_catalog" && !rewrites;
  return {
    mode: "ACCESS EXCLUSIVE",
    hazards: hazards({ "rewrites table": rewrites, "builds index": indexes }),
    locks: referencedTables(constraints),
    notes: has("CONSTR_CHECK") ? ["reads the whole table to check the new constraint"] : [],
    unclear: [
      ...volatility.unclear,
      ...(isOwnType
        ? [`whether ${type.join(".")} is a domain with a constraint, which rewrites the table`]
        : []),
    ],
  };
}

/** `alter column … type`: a rewrite, unless the catalog shows the old type to be stored alike. */
export function retypedColumn(relation: string, column: string, def: ColumnDef): Subeffect {
  const type = nameParts(def.typeName?.names).at(-1) ?? "";
  const using = def.raw_default !== undefined;
  return {
    mode: "ACCESS EXCLUSIVE",
    retypes: [{ relation, column, type, modifiers: modifiersOf(def.typeName), using }],
    locks: (["referenced tables", "referencing tables"] as const).map((what) => ({
      relation,
      mode: "ACCESS EXCLUSIVE",
      through: { what, column },
    })),
  };
}

/** `add constraint`. */
export function addedConstraint(constraint: Constraint): Subeffect {
  const { contype, pktable, indexname, skip_validation: unchecked = false } = constraint;
  const isForeign = contype === "CONSTR_FOREIGN";
  const indexes = INDEXED.includes(contype) && indexname === undefined;
  const scan = isForeign
    ? "reads both tables to check every row; add it `not valid` and validate it later"
    : "reads the whole table to check every row; add it `not valid` and validate it later";
  const checks = (isForeign || contype === "CONSTR_CHECK") && !unchecked;
  return {
    mode: isForeign ? "SHARE ROW EXCLUSIVE" : "ACCESS EXCLUSIVE",
    hazards: hazards({ "builds index": indexes }),
    locks: pktable ? referencedTables([{ Constraint: constraint }]) : [],
    notes: checks ? [scan] : [],
  };
}

function volatilityOf(expression: Node | undefined): { rewrites: boolean; unclear: string[] } {
  const calls = functionCalls(expression);
  const unknown = calls.filter(isUnknown).map(callName);
  return {
    rewrites: unknown.length > 0 || calls.some(({ name }) => VOLATILE_FUNCTIONS.has(name)),
    unclear: unknown.map(
      (name) => `whether ${name}() is volatile; only then the table is rewritten`,
    ),
  };
}

function modifiersOf(type: TypeName | undefined): number[] {
  return (type?.typmods ?? []).flatMap((node) =>
    "A_Const" in node && node.A_Const.ival ? [node.A_Const.ival.ival ?? 0] : [],
  );
}

function hazards(found: Partial<Record<Hazard, boolean>>): Hazard[] {
  const names: Hazard[] = ["rewrites table", "builds index"];
  return names.filter((name) => found[name]);
}
