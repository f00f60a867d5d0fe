import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

/** One resource class or function of a provider's npm package, as the program names it. */
export interface Use {
  /** Name of the package without its scope, such as `aws`. */
  readonly provider: string;
  /** Names below the package, such as `["rds", "Instance"]` or `["getRegionOutput"]`. */
  readonly names: readonly string[];
  /** File and line of one place that uses it. */
  readonly place: string;
  /** Names of all properties, nested ones too, that are written out in its arguments. */
  readonly written: ReadonlySet<string>;
}

/** The TypeScript files below a folder, without declarations. */
export function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))
    .map((file) => path.join(folder, file))
    .sort();
}

/**
 * Finds every `new aws.area.Class(…)` and `aws.area.getFunction(…)` in source files, each once.
 *
 * @throws Error when a file imports a provider in a way that hides its uses from this search.
 */
export function findUses(files: readonly string[], providers: readonly string[]): Use[] {
  const uses = new Map<string, Use>();
  for (const file of files) {
    const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest);
    const imported = namespaces(source, providers);
    const visit = (node: ts.Node): void => {
      if (ts.isNewExpression(node) || ts.isCallExpression(node)) {
        const [root, ...names] = dottedNames(node.expression);
        const provider = root === undefined ? undefined : imported.get(root);
        const last = names.at(-1) ?? "";
        if (provider !== undefined && (ts.isNewExpression(node) || last.startsWith("get"))) {
          const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
          const key = [provider, ...names].join(".");
          const written = new Set(uses.get(key)?.written);
          for (const argument of node.arguments ?? []) collectKeys(argument, written);
          uses.set(key, { provider, names, place: `${file}:${line + 1}`, written });
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return [...uses.values()];
}

/** The names under which a file knows the providers' packages, and the provider of each. */
function namespaces(source: ts.SourceFile, providers: readonly string[]): Map<string, string> {
  const imported = new Map<string, string>();
  for (const statement of source.statements) {
    if (!ts.isImportDeclaration(statement)) continue;
    const { moduleSpecifier, importClause } = statement;
    const module = ts.isStringLiteral(moduleSpecifier) ? moduleSpecifier.text : "";
    const provider = providers.find(
      (name) => module === `@pulumi/${name}` || module.startsWith(`@pulumi/${name}/`),
    );
    if (provider === undefined || importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword) {
      continue;
    }
    const bindings = importClause?.namedBindings;
    if (module !== `@pulumi/${provider}` || !bindings || !ts.isNamespaceImport(bindings)) {
      throw new Error(
        `${source.fileName} imports "${module}" in parts; write ` +
          `\`import * as ${provider} from "@pulumi/${provider}"\`, so that this test sees what ` +
          "the program uses of it.",
      );
    }
    imported.set(bindings.name.text, provider);
  }
  return imported;
}

function collectKeys(node: ts.Node, keys: Set<string>): void {
  if (ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node)) {
    if (ts.isIdentifier(node.name)) keys.add(node.name.text);
  }
  ts.forEachChild(node, (child) => collectKeys(child, keys));
}

/** `a.b.c` as its names; nothing for any other expression. */
function dottedNames(expression: ts.Expression): string[] {
  if (ts.isIdentifier(expression)) return [expression.text];
  if (!ts.isPropertyAccessExpression(expression)) return [];
  const left = dottedNames(expression.expression);
  return left.length === 0 ? [] : [...left, expression.name.text];
}
