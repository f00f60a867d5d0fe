/** What a command has to say. */
export interface Answer {
  /** For people; "" when all is said. */
  text: string;
  /** The same for machines. */
  data: unknown;
  /** @default 0 */
  exitCode?: number;
}
