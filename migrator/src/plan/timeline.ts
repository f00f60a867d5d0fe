import type { Effect } from "../sql/effects/effect";
import { isQualified } from "../sql/names";
import type { RelationFacts } from "./relation-facts";
import type { Presence, Size } from "./types";

/** A relation at one point of a plan. */
export interface Found extends Size {
  presence: Presence;
  facts: RelationFacts | undefined;
}

/**
 * Which relations there are while the statements of a plan run, one after the other, on what the
 * catalog holds now.
 */
export class Timeline {
  private readonly made = new Set<string>();
  private readonly gone = new Set<string>();
  /** New names, and the ones that the catalog knows. */
  private readonly oldNames = new Map<string, string>();

  /** @param facts undefined when the database is not there to be asked. */
  constructor(private readonly facts: ReadonlyMap<string, RelationFacts> | undefined) {}

  /** The relation of that name, now. */
  public find(name: string): Found {
    const facts = this.gone.has(name)
      ? undefined
      : this.facts?.get(this.oldNames.get(name) ?? name);
    if (facts) return { presence: "there", rows: facts.rows, bytes: facts.bytes, facts };
    const absent = this.facts && isQualified(name) ? "absent" : "unknown";
    const presence = this.made.has(name) ? "new" : absent;
    return { presence, rows: null, bytes: null, facts: undefined };
  }

  /** Goes on behind a statement. */
  public pass(effect: Effect): void {
    const { drops, renames } = effect;
    for (const { from, to } of renames) {
      if (this.made.delete(from)) this.made.add(to);
      else this.oldNames.set(to, this.oldNames.get(from) ?? from);
      this.gone.add(from);
      this.gone.delete(to);
    }
    // A block may drop what it makes; then it is not there when it starts.
    for (const name of drops) {
      this.gone.add(name);
      this.made.delete(name);
    }
    for (const name of this.madeBy(effect)) this.made.add(name);
  }

  /**
   * What a statement makes, if it is not there. Without a database it is not known whether what is made
   * on a condition is there.
   */
  public madeBy({ creates, mayCreate }: Effect): string[] {
    return this.facts ? [...creates, ...mayCreate] : creates;
  }
}
