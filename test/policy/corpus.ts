import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { ThrowawayServer } from "../../trial/src";
import { type CorpusCase, readCase } from "./corpus-case";
import { Ground } from "./corpus-ground";

const CORPUS = join(__dirname, "corpus");

/** The cases of one kind, each with its name, for `it.each`. */
export function casesOf(kind: "unsafe" | "safe"): (readonly [string, CorpusCase])[] {
  return readdirSync(join(CORPUS, kind)).map((file) => {
    const one = readCase(kind, join(CORPUS, kind, file));
    return [one.name, one] as const;
  });
}

/** Grounds by what they are made of, each made when the first case asks for it. */
export class Grounds {
  readonly #grounds = new Map<string, Promise<Ground>>();

  constructor(private readonly server: () => ThrowawayServer) {}

  of(base: readonly string[]): Promise<Ground> {
    const key = base.join();
    const ground = this.#grounds.get(key) ?? Ground.create(this.server(), base);
    this.#grounds.set(key, ground);
    return ground;
  }

  async drop(): Promise<void> {
    for (const ground of this.#grounds.values()) await (await ground).drop();
  }
}
