/** How many keys the next batch takes, from how long those before it took. */
export class Pace {
  /** Keys of the next batch. */
  public size: number;

  /**
   * @param limits `size` is the most keys of a batch, `targetMs` how long one should take.
   * @param size keys of the first batch.
   */
  constructor(
    private readonly limits: { size: number; targetMs: number },
    size: number,
  ) {
    this.size = Math.min(size, limits.size);
  }

  /** A batch was done: a slow one makes the next smaller by as much, a fast one twice as large. */
  took(durationMs: number): void {
    const { size, targetMs } = this.limits;
    if (durationMs > 2 * targetMs) {
      this.size = Math.max(1, Math.floor((this.size * targetMs) / durationMs));
    } else if (durationMs < targetMs / 2) {
      this.size = Math.min(size, this.size * 2);
    }
  }

  /** A batch was undone, because it met a lock or a limit of time. */
  halve(): void {
    this.size = Math.max(1, Math.floor(this.size / 2));
  }
}
