// node tools/lint/room-picture.mjs: draws the rooms of migrator/src and what each imports, from the imports
// themselves, into docs/architecture.md.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { importsOf } from "./rooms.mjs";

const PROJECT = path.resolve(fileURLToPath(import.meta.url), "../../..");
const ROOT = path.join(PROJECT, "migrator/src");
const PAGE = path.join(PROJECT, "docs/architecture.md");
const [BEGIN, END] = ["<!-- rooms: begin -->", "<!-- rooms: end -->"];

/**
 * @param {string} page with the two markers.
 * @returns {string} the page with the picture of now between them.
 */
export function withPicture(page) {
  const [before, rest] = page.split(`${BEGIN}\n`);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`${PAGE} has no ${BEGIN} and ${END}.`);
  return `${before}${BEGIN}\n${picture()}\n${END}${after}`;
}

/** An arrow for each import between rooms that no longer way of arrows shows. */
function picture() {
  const targets = roomImports();
  const reaches = (from, to) =>
    from === to || [...(targets.get(from) ?? [])].some((next) => reaches(next, to));
  const arrows = [...targets].flatMap(([from, to]) =>
    [...to]
      .filter((target) => ![...to].some((other) => other !== target && reaches(other, target)))
      .sort()
      .map((target) => `  ${from} --> ${target}`),
  );
  return ["```mermaid", "flowchart TD", ...arrows.sort(), "```"].join("\n");
}

/** @returns {Map<string, Set<string>>} the rooms that each room imports. */
function roomImports() {
  const rooms = new Map();
  for (const file of readdirSync(ROOT, { recursive: true, encoding: "utf8" })) {
    const [from = "", ...inside] = file.split(path.sep);
    if (!file.endsWith(".ts") || inside.length === 0) continue;
    const found = rooms.get(from) ?? new Set();
    for (const target of importsOf(path.join(ROOT, file))) {
      const [to = "", ...rest] = path.relative(ROOT, target).split(path.sep);
      if (rest.length > 0 && to !== from) found.add(to);
    }
    rooms.set(from, found);
  }
  return rooms;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(PAGE, withPicture(readFileSync(PAGE, "utf8")));
}
