// Draws the tables of a schema and their foreign keys as SVG.
import { count, escape } from "./words.mjs";

const LINE = 18;
const HEAD = 46;
const PADDING = 10;
const GAP_BESIDE = 90;
const GAP_BELOW = 28;
const CHARACTER = 7.3;
const MARGIN = 16;

/** A table's name, without a schema where it is `public`. */
const nameOf = ({ schema, name }) => (schema === "public" ? name : `${schema}.${name}`);
const keyOf = ({ schema, name }) => `${schema}.${name}`;

/**
 * The diagram of a schema: a box for each table, in columns from the tables that are referred to, to those that
 * refer to them, and a line a foreign key.
 * @param {any} schema as the rules read it.
 * @param {Record<string, number | null>} [rows] estimates of the rows of each table, by `schema.name`.
 * @returns {string} an SVG with a title and a description, and without anything from elsewhere.
 */
export function drawSchema({ tables }, rows = {}) {
  const boxes = placeBoxes(tables, rows);
  const width = Math.max(...boxes.map(({ x, width: own }) => x + own), 0) + MARGIN;
  const height = Math.max(...boxes.map(({ y, height: own }) => y + own), 0) + MARGIN;
  const byKey = new Map(boxes.map((box) => [keyOf(box.table), box]));
  const lines = boxes.flatMap((box) =>
    (box.table.foreignKeys ?? []).flatMap((key) => {
      const target = byKey.get(keyOf(key.table));
      return target ? [drawKey(box, key, target)] : [];
    }),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="schema-title schema-text" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<title id="schema-title">Tables and foreign keys</title>`,
    `<desc id="schema-text">${escape(describeSchema(tables))}</desc>`,
    `<style>${STYLE}</style>`,
    `<defs><marker id="key-end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" class="end"/></marker></defs>`,
    ...lines,
    ...boxes.map(drawBox),
    "</svg>",
    "",
  ].join("\n");
}

const STYLE = `
.box{fill:#fff;stroke:#4a5568}.head{fill:#e6eef7}.open{fill:#fbd5d5}
text{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#1a202c}
.name{font-weight:700}.small,.type{font-size:11px;fill:#4a5568}
.line{fill:none;stroke:#2b6cb0;stroke-width:1.5}.end{fill:#2b6cb0}
`;

/** The diagram in words: what its text alternative says. */
export function describeSchema(tables) {
  const keys = tables.flatMap((table) =>
    (table.foreignKeys ?? []).map(
      ({ columns, table: target, references, onDelete }) =>
        `${nameOf(table)} (${columns.join(", ")}) refers to ${nameOf(target)} (${references.join(", ")})` +
        (onDelete ? `, on delete ${onDelete}` : ""),
    ),
  );
  const unprotected = tables.filter(({ rowSecurity, forced }) => !rowSecurity || !forced);
  return [
    `${count(tables.length, "table")}: ${tables.map(nameOf).join(", ")}.`,
    ...keys.map((key) => `${key}.`),
    unprotected.length === 0
      ? "Row level security is on and forced on each."
      : `Row level security is not on and forced on ${unprotected.map(nameOf).join(", ")}.`,
  ].join(" ");
}

/** How far a table is from those that refer to none. */
function depths(tables) {
  const byKey = new Map(tables.map((table) => [keyOf(table), table]));
  const known = new Map();
  const depthOf = (table) => {
    if (!known.has(table)) {
      // Tables may refer to each other: whoever comes back to this one goes no further.
      known.set(table, 0);
      const others = (table.foreignKeys ?? []).flatMap(({ table: target }) => {
        const next = byKey.get(keyOf(target));
        return next && next !== table ? [depthOf(next) + 1] : [];
      });
      known.set(table, Math.max(0, ...others));
    }
    return known.get(table);
  };
  const depth = tables.map(depthOf);
  // Beside a table that others refer to, one that has nothing to do with it is in the way of their lines.
  const referred = new Set(
    tables.flatMap(({ foreignKeys = [] }) => foreignKeys.map((key) => keyOf(key.table))),
  );
  const isAlone = (table) => !referred.has(keyOf(table)) && (table.foreignKeys ?? []).length === 0;
  return tables.map((table, index) => (isAlone(table) ? Math.max(...depth) : depth[index]));
}

function placeBoxes(tables, rows) {
  const depth = depths(tables);
  const boxes = tables.map((table, index) => {
    const columns = table.columns ?? [];
    const [primary = []] = table.keys ?? [];
    const foreign = new Set((table.foreignKeys ?? []).flatMap(({ columns: own }) => own));
    const lines = columns.map(({ name, type, notNull }) => ({
      name,
      mark: [primary.includes(name) && "PK", foreign.has(name) && "FK"].filter(Boolean).join(" "),
      type: `${shortType(type)}${notNull ? "" : "?"}`,
    }));
    const longest = Math.max(0, ...lines.map(({ name }) => name.length));
    const longestType = Math.max(0, ...lines.map(({ type }) => type.length));
    const head = stateOf(table, rows);
    const wide = Math.max(6 + longest + 2 + longestType, head.length, nameOf(table).length + 2);
    return {
      table,
      lines,
      head,
      depth: depth[index],
      typeAt: PADDING + (6 + longest) * CHARACTER,
      width: Math.ceil(wide * CHARACTER + 2 * PADDING),
      height: HEAD + lines.length * LINE + PADDING,
      x: 0,
      y: 0,
    };
  });
  const ranks = [...new Set(depth)].sort((a, b) => a - b);
  const columns = ranks.map((rank) => boxes.filter((box) => box.depth === rank));
  const tall = Math.max(0, ...columns.map(heightOf));
  let x = MARGIN;
  for (const column of columns) {
    let y = MARGIN + Math.round((tall - heightOf(column)) / 2);
    for (const box of column) {
      Object.assign(box, { x, y });
      y += box.height + GAP_BELOW;
    }
    x += Math.max(...column.map(({ width }) => width)) + GAP_BESIDE;
  }
  return boxes;
}

/** Of boxes one below the other. */
function heightOf(boxes) {
  return boxes.reduce((sum, { height }) => sum + height + GAP_BELOW, -GAP_BELOW);
}

function stateOf(table, rows) {
  const estimate = rows[keyOf(table)];
  const protection = !table.rowSecurity
    ? "RLS OFF"
    : table.forced
      ? "RLS forced"
      : "RLS NOT forced";
  const policies = count(table.policies?.length ?? 0, "policy", "policies");
  const counted = typeof estimate === "number" ? [`about ${count(estimate, "row")}`] : [];
  return [protection, policies, ...counted].join(", ");
}

const SHORT = {
  "timestamp with time zone": "timestamptz",
  "timestamp without time zone": "timestamp",
  "character varying": "varchar",
  "double precision": "float8",
};

function shortType(type) {
  return Object.entries(SHORT).reduce((text, [long, short]) => text.replace(long, short), type);
}

function drawBox({ table, lines, head, x, y, width, height, typeAt }) {
  const isOpen = !table.rowSecurity || !table.forced;
  const texts = lines.map(({ name, mark, type }, index) => {
    const at = HEAD + (index + 1) * LINE - 4;
    return (
      `<text x="${PADDING}" y="${at}" class="small">${mark}</text>` +
      `<text x="${PADDING + 6 * CHARACTER}" y="${at}">${escape(name)}</text>` +
      `<text x="${Math.round(typeAt + 2 * CHARACTER)}" y="${at}" class="type">${escape(type)}</text>`
    );
  });
  return [
    `<g transform="translate(${x} ${y})">`,
    `<rect width="${width}" height="${height}" rx="4" class="box"/>`,
    `<rect width="${width}" height="${HEAD - 6}" rx="4" class="${isOpen ? "open" : "head"}"/>`,
    `<text x="${PADDING}" y="17" class="name">${escape(nameOf(table))}</text>`,
    `<text x="${PADDING}" y="33" class="small">${escape(head)}</text>`,
    ...texts,
    "</g>",
  ].join("\n");
}

/** From the column that refers to the one that is referred to. */
function drawKey(box, key, target) {
  const at = (one, name) => {
    const index = Math.max(
      0,
      one.lines.findIndex((line) => line.name === name),
    );
    return one.y + HEAD + (index + 0.5) * LINE;
  };
  const from = at(box, key.columns[0]);
  const to = at(target, key.references[0]);
  const end = target.x + target.width;
  const isBeside = box.x >= end;
  const start = isBeside ? box.x : box.x + box.width;
  const bend = isBeside ? Math.max(40, (box.x - end) / 2) : 60;
  const path = isBeside
    ? `M${start} ${from}C${start - bend} ${from} ${end + bend} ${to} ${end + 2} ${to}`
    : `M${start} ${from}C${start + bend} ${from} ${end + bend} ${to} ${end + 2} ${to}`;
  return `<path d="${path}" class="line" marker-end="url(#key-end)"/>`;
}
