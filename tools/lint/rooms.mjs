// ESLint's rule "rooms/one-way": in a workspace, folders import only from those before them, and no two
// files import each other, directly or through others.
import { readFileSync, statSync } from "node:fs";
import path from "node:path";

const IMPORT = /\b(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g;

/** The files that each file imports, while one run of ESLint lasts. */
const imports = new Map();

const oneWay = {
  meta: {
    type: "problem",
    docs: { description: "Rooms import one way, and no files import each other." },
    schema: [
      { type: "object", additionalProperties: { type: "array", items: { type: "string" } } },
    ],
    messages: {
      room: "{{from}} imports {{to}}, which comes after it. The order is {{order}}: move what both need into the lower room.",
      cycle:
        "This file and {{files}} import each other. Move what both need into a file of its own.",
    },
  },
  create(context) {
    const file = context.filename;
    const [root, order] = Object.entries(context.options[0]).find(([folder]) =>
      file.startsWith(path.resolve(context.cwd, folder) + path.sep),
    ) ?? [""];
    if (!order) return {};
    const roomOf = (place) => path.relative(path.resolve(context.cwd, root), place).split(path.sep);
    const check = (node) => {
      const source = node.source?.value;
      if (typeof source !== "string" || !source.startsWith(".")) return;
      const target = resolveImport(file, source);
      if (target === undefined) return;
      const [from, to] = [file, target].map((place) => {
        const parts = roomOf(place);
        return parts.length > 1 ? parts[0] : ".";
      });
      // What stands beside the rooms puts them together: it may import from all of them.
      if (
        from !== "." &&
        from !== to &&
        !(order.indexOf(to) >= 0 && order.indexOf(to) < order.indexOf(from))
      ) {
        context.report({ node, messageId: "room", data: { from, to, order: order.join(", ") } });
      }
      const way = wayBetween(target, file);
      if (way) {
        const files = way.map((place) => roomOf(place).join("/")).join(", ");
        context.report({ node, messageId: "cycle", data: { files } });
      }
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
    };
  },
};

/** The files by which one comes to import the other; undefined where it does not. */
function wayBetween(start, end) {
  const cameFrom = new Map([[start, undefined]]);
  const queue = [start];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (next === end) {
      const way = [];
      for (let at = cameFrom.get(next); at !== undefined; at = cameFrom.get(at)) way.unshift(at);
      return way;
    }
    for (const target of importsOf(next)) {
      if (cameFrom.has(target)) continue;
      cameFrom.set(target, next);
      queue.push(target);
    }
  }
  return undefined;
}

/** The files of a workspace that a file imports. */
export function importsOf(file) {
  let known = imports.get(file);
  if (!known) {
    const sources = [...readFileSync(file, "utf8").matchAll(IMPORT)].map(([, source]) => source);
    known = sources.map((source) => resolveImport(file, source)).filter(Boolean);
    imports.set(file, known);
  }
  return known;
}

function resolveImport(file, source) {
  const place = path.resolve(path.dirname(file), source.replace(/\.js$/, ""));
  return [`${place}.ts`, path.join(place, "index.ts")].find((each) =>
    statSync(each, { throwIfNoEntry: false })?.isFile(),
  );
}

/** The plugin. */
export const rooms = { rules: { "one-way": oneWay } };
