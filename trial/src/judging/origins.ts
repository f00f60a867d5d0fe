import { type Origin, type SqlFile, type Statement, splitStatements } from "@app-data/rules";

/**
 * Finds where migrations make or last change an object: the statement that names it, the latest first.
 * Names in dynamic SQL are found too, since it is the text that is looked through.
 */
export class Origins {
  private constructor(private readonly statements: { file: string; statement: Statement }[]) {}

  /** @throws SqlSyntaxError */
  public static async of(files: readonly SqlFile[]): Promise<Origins> {
    const statements: { file: string; statement: Statement }[] = [];
    for (const { file, sql } of files) {
      for (const statement of await splitStatements(sql, file))
        statements.push({ file, statement });
    }
    return new Origins(statements);
  }

  /**
   * @param kind as SQL calls what is created: "table", "view", "function".
   * @param name without its schema.
   */
  public find(kind: string, name: string): Partial<Origin> {
    const escaped = name.replace(/\W/g, "\\$&");
    const creation = new RegExp(
      `\\bcreate\\b[^;(]{0,60}\\b${kind}\\s+(?:if\\s+not\\s+exists\\s+)?(?:"?[\\w$]+"?\\s*\\.\\s*)?"?${escaped}"?(?![\\w$])`,
      "i",
    );
    for (const { file, statement } of this.statements) {
      const found = creation.exec(statement.text);
      if (!found) continue;
      const skipped = statement.text.slice(0, found.index).split("\n").length - 1;
      return { file, line: statement.line + skipped };
    }
    return {};
  }
}
