/** What one look found. */
export interface Finding {
  /** What is there. */
  detail: string;
  /** What to do about it; undefined when it is as it must be. */
  remedy?: string;
}
