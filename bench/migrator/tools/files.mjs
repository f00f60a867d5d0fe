import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Writes a file, with the folders above it. */
export function writeText(file, text) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** A version that every tool sorts as text: fourteen digits, as of a time. */
export function timestamp(index) {
  return String(20_260_101_000_000 + index);
}
