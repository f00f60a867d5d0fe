import { type Catalog, type Relation, leavesOf } from "../rows/catalog";
import { insertStatement, literal, quoteIdentifier, writableColumns } from "../rows/statements";
import { type TwoWorlds, userIn } from "./given-rows";
import { type List, usersOf } from "./lists";
import type { Call } from "./moves";
import type { Links } from "../rows/links";

/** One thing that the attacker could do to the victim's world. */
export interface Probe {
  kind: "read" | "update" | "delete" | "insert" | "call";
  /** The table or function, as findings name it. */
  object: string;
  /** Undefined for a call. */
  relation: Relation | undefined;
  statement: string;
  /** As a reader would write it. */
  shown: string;
  /** What the superuser grants for the measuring alone. */
  grant?: string;
  /** The ids of the tables that hold the rows. */
  relations: number[];
}

/** All that is measured of an attacker's powers. */
export function probesOf(
  catalog: Catalog,
  lists: readonly List[],
  links: Links,
  { attacker, victim }: TwoWorlds,
  role: string,
): Probe[] {
  const tables = catalog.relations.filter(
    ({ kind, isPartition }) => (kind === "r" || kind === "p") && !isPartition,
  );
  return tables.flatMap((relation): Probe[] => {
    const rights = relation.rights[role];
    const [sample] = victim.rows(relation);
    if (!rights || !sample) return [];
    const { sql } = relation;
    const probe = (kind: Probe["kind"], shown: string, rest: Partial<Probe> = {}): Probe => ({
      kind,
      object: sql,
      relation,
      shown,
      statement: shown,
      relations: leavesOf(catalog, relation),
      ...rest,
    });
    const selected = rights.select ? "*" : rights.selectColumns.map(quoteIdentifier).join(", ");
    // Where rows are is told by system columns, which a right on some columns does not cover.
    const grant = rights.select ? {} : { grant: `grant select on ${sql} to ${role}` };
    const read = `select coalesce(jsonb_agg(jsonb_build_array(tableoid::bigint, ctid::text)), '[]') from ${sql}`;
    const updatable = writableColumns(relation).filter(({ name }) =>
      rights.updateColumns.includes(name),
    );
    const users = usersOf(relation, links);
    const kept = updatable.slice(0, 1).map((column) => {
      const name = quoteIdentifier(column.name);
      const isReadable = rights.selectColumns.includes(column.name);
      return `${name} = ${isReadable ? name : literal(sample[column.name] ?? null, column)}`;
    });
    const inserted = victim
      .spare(relation)
      .slice(0, 2)
      .flatMap((row) => {
        const mine = Object.fromEntries(
          users.map((name) => [name, userIn(attacker, relation, name)]),
        );
        // To enter oneself into a list is a move; to enter others is a power.
        const isList = lists.some((list) => list.relation === relation);
        return (isList ? [row] : [row, { ...row, ...mine }]).map((one) =>
          insertStatement(relation, one, rights.insertColumns),
        );
      });
    return [
      ...(selected === ""
        ? []
        : [probe("read", `select ${selected} from ${sql}`, { statement: read, ...grant })]),
      ...kept.map((set) => probe("update", `update ${sql} set ${set}`)),
      ...(rights.delete ? [probe("delete", `delete from ${sql}`)] : []),
      ...(rights.insertColumns.length > 0
        ? [...new Set(inserted)].map((statement) => probe("insert", statement))
        : []),
    ];
  });
}

/** Calls of functions that give rows or texts. */
export function callProbes(calls: readonly Call[]): Probe[] {
  return calls
    .filter(({ routine: { kind, returns } }) => kind === "f" && !TELLS_NOTHING.test(returns))
    .map(({ call, routine }) => ({
      kind: "call",
      object: routine.signature,
      relation: undefined,
      shown: `select * from ${call}`,
      statement: `select coalesce(jsonb_agg(to_jsonb(r)), '[]') from ${call} r`,
      relations: [],
    }));
}

const TELLS_NOTHING = /^(?:void|boolean|uuid|integer|bigint|numeric|timestamp.*)$/;
