/** An error of the engine's set-up whose message tells its reader what to do next. */
export class EngineError extends Error {
  /**
   * @param {string} code A code of docs/errors.md, `ENG001` and following.
   * @param {string} message What was found, what is required, what to do next.
   * @param {{ cause?: unknown }} [options] The error underneath.
   */
  constructor(code, message, options) {
    super(`${code}: ${message}`, options);
    this.name = "EngineError";
    this.code = code;
  }
}
