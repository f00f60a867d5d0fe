import { readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

import type { Property, Shape } from "./shape";
import type { Use } from "./used-tokens";

/** What a package says about one of its resource classes or functions. */
export interface Declared {
  /** The token that the package sends to the plugin, such as `aws:rds/instance:Instance`. */
  readonly token: string;
  /** Its arguments. */
  readonly args: Shape;
}

const ANY: Shape = { kind: "any" };
const KEYWORDS = new Map<ts.SyntaxKind, Shape>([
  [ts.SyntaxKind.StringKeyword, { kind: "string" }],
  [ts.SyntaxKind.NumberKeyword, { kind: "number" }],
  [ts.SyntaxKind.BooleanKeyword, { kind: "boolean" }],
]);

/** Reads the declarations and the code of the npm packages below `node_modules/@pulumi`. */
export class PackageTypes {
  private readonly nested = new Map<string, Map<string, ts.InterfaceDeclaration>>();

  constructor(private readonly nodeModules: string) {}

  /**
   * The token and arguments of what a program uses.
   *
   * @throws Error when the package declares them in a form that is not known here.
   */
  read({ provider, names }: Use): Declared {
    const folders = names.slice(0, -1);
    const last = (names.at(-1) ?? "").replace(/^(get.*)Output$/, "$1");
    const isFunction = /^get[A-Z]/.test(last);
    const file = last.charAt(0).toLowerCase() + last.slice(1);
    const base = path.join(this.nodeModules, "@pulumi", provider, ...folders, file);
    const code = readFileSync(`${base}.js`, "utf8");
    const pattern = isFunction ? /runtime\.invoke\("([^"]+)"/ : /__pulumiType = '([^']+)'/;
    const token = pattern.exec(code)?.[1];
    if (token === undefined) throw new Error(`${base}.js names no token`);
    const name = isFunction ? `${last.charAt(0).toUpperCase()}${last.slice(1)}Args` : `${last}Args`;
    const declaration = interfaces(parse(`${base}.d.ts`), "").get(name);
    if (declaration === undefined) {
      // A function without arguments has no interface for them.
      if (isFunction) return { token, args: { kind: "object", properties: new Map() } };
      throw new Error(`${base}.d.ts declares no ${name}`);
    }
    return { token, args: this.object(provider, declaration) };
  }

  private object(provider: string, declaration: ts.InterfaceDeclaration): Shape {
    const properties = new Map<string, Property>();
    for (const member of declaration.members) {
      if (!ts.isPropertySignature(member) || !member.type || !ts.isIdentifier(member.name)) {
        throw new Error(`${declaration.name.text} has a member that is no property`);
      }
      const required = member.questionToken === undefined;
      properties.set(member.name.text, { shape: this.shape(provider, member.type), required });
    }
    return { kind: "object", properties };
  }

  private shape(provider: string, type: ts.TypeNode): Shape {
    if (ts.isParenthesizedTypeNode(type)) return this.shape(provider, type.type);
    if (ts.isArrayTypeNode(type)) {
      return { kind: "list", element: this.shape(provider, type.elementType) };
    }
    if (ts.isUnionTypeNode(type)) return this.union(provider, type);
    if (ts.isTypeLiteralNode(type)) {
      const [index] = type.members;
      if (index && ts.isIndexSignatureDeclaration(index)) {
        return { kind: "map", element: this.shape(provider, index.type) };
      }
    }
    if (ts.isTypeReferenceNode(type)) return this.reference(provider, type);
    const keyword = KEYWORDS.get(type.kind);
    if (keyword !== undefined) return keyword;
    if (type.kind === ts.SyntaxKind.AnyKeyword) return ANY;
    throw new Error(`a type of @pulumi/${provider} is not known here: ${type.getText()}`);
  }

  private union(provider: string, type: ts.UnionTypeNode): Shape {
    const members = type.types.filter(({ kind }) => kind !== ts.SyntaxKind.UndefinedKeyword);
    // Where a package takes a text or something else, such as a policy document as an object, the
    // program gives the text: it is what every plugin takes.
    if (members.some(({ kind }) => kind === ts.SyntaxKind.StringKeyword)) return { kind: "string" };
    const [first] = members;
    return first !== undefined && members.length === 1 ? this.shape(provider, first) : ANY;
  }

  private reference(provider: string, type: ts.TypeReferenceNode): Shape {
    const name = type.typeName.getText();
    const [argument] = type.typeArguments ?? [];
    if (name === "pulumi.Input" && argument !== undefined) return this.shape(provider, argument);
    if (name.startsWith("pulumi.asset.")) return { kind: "asset" };
    if (!name.startsWith("inputs.")) return { kind: "string" };
    const declaration = this.nestedTypes(provider).get(name.slice("inputs.".length));
    if (declaration === undefined) throw new Error(`@pulumi/${provider} declares no ${name}`);
    return this.object(provider, declaration);
  }

  private nestedTypes(provider: string): Map<string, ts.InterfaceDeclaration> {
    let types = this.nested.get(provider);
    if (types === undefined) {
      const file = path.join(this.nodeModules, "@pulumi", provider, "types", "input.d.ts");
      types = interfaces(parse(file), "");
      this.nested.set(provider, types);
    }
    return types;
  }
}

function parse(file: string): ts.SourceFile {
  // With parents, since the text of a type is read from them.
  return ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
}

/** The interfaces of a file by name, those in namespaces as `namespace.Name`. */
function interfaces(
  node: ts.SourceFile | ts.ModuleBlock,
  prefix: string,
): Map<string, ts.InterfaceDeclaration> {
  const found = new Map<string, ts.InterfaceDeclaration>();
  for (const statement of node.statements) {
    if (ts.isInterfaceDeclaration(statement)) found.set(prefix + statement.name.text, statement);
    if (ts.isModuleDeclaration(statement) && statement.body && ts.isModuleBlock(statement.body)) {
      const inner = interfaces(statement.body, `${prefix}${statement.name.text}.`);
      for (const [name, declaration] of inner) found.set(name, declaration);
    }
  }
  return found;
}
