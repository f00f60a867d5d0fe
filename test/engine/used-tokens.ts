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
    const imported = importsOf(source, providers);
    const visit = (node: ts.Node): void => {
      if (ts.isNewExpression(node) || ts.isCallExpression(node)) {
        const [root, ...rest] = dottedNames(node.expression);
        const { provider, area } = imported.get(root ?? "") ?? {};
        const names = [...(area ?? []), ...rest];
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

/** What a name of a file stands for: a package, an area of one, or a function of one. */
interface Imported {
  readonly provider: string;
  readonly area: readonly string[];
}

/** The names under which a file knows what it imports of the providers' packages. */
function importsOf(source: ts.SourceFile, providers: readonly string[]): Map<string, Imported> {
  const imported = new Map<string, Imported>();
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
    const area = module.split("/").slice(2);
    const bindings = importClause?.namedBindings;
    const isFunction = area.length === 1 && area[0]?.startsWith("get");
    if (bindings && ts.isNamespaceImport(bindings) && !isFunction) {
      imported.set(bindings.name.text, { provider, area });
    } else if (bindings && ts.isNamedImports(bindings) && isFunction) {
      for (const { name } of bindings.elements) {
        imported.set(name.text, { provider, area: [name.text] });
      }
    } else {
      throw new Error(
        `${source.fileName} imports "${module}" in a way that hides what the program uses of it; write ` +
          `\`import * as area from "@pulumi/${provider}/area"\`, or ` +
          `\`import { getThing } from "@pulumi/${provider}/getThing"\`.`,
      );
    }
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
