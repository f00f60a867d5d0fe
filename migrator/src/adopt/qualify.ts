import { type Statement, splitStatements, tokenAfter } from "@app-data/rules";
import { type RangeVar, parseSync } from "libpg-query";
import { nameParts } from "../sql/names";

/** What migrations of another tool make without naming its schema, so far. */
export interface MadeNames {
  relations: Set<string>;
  /** Types and functions. */
  others: Set<string>;
}

/** A place in a statement at which a schema is written, in UTF-16 code units. */
type Place = number;

/**
 * Writes the schema before the names of what a file makes or uses, which other tools leave to the search
 * path, and takes transaction control out. What stands in strings, such as the bodies of functions, stays.
 * @param made is added to.
 * @throws SqlSyntaxError.
 */
export async function qualify(sql: string, file: string, made: MadeNames): Promise<string> {
  const statements = await splitStatements(sql, file);
  const temporary = new Set<string>();
  let text = "";
  let end = 0;
  for (const statement of statements) {
    text += sql.slice(end, statement.offset);
    end = statement.offset + statement.text.length;
    if ("TransactionStmt" in statement.tree) {
      if (sql[end] === ";") end += 1;
      continue;
    }
    text += qualified(statement, made, temporary);
  }
  return text + sql.slice(end);
}

function qualified({ text, tree }: Statement, made: MadeNames, temporary: Set<string>): string {
  // Alone, so that its places are those in its own text.
  const found = new Finder(parseSync(text).stmts?.[0]?.stmt ?? tree);
  for (const name of found.temporary) temporary.add(name);
  for (const name of found.makes) made.others.add(name);
  const bytes = Buffer.from(text);
  const places = new Set<Place>();
  const addAt = (location: number) => places.add(bytes.subarray(0, location).toString().length);
  for (const { relname = "", location = 0 } of found.relations) {
    if (found.commonTables.has(relname) || temporary.has(relname) || /^pg_/.test(relname)) continue;
    made.relations.add(relname);
    addAt(location);
  }
  // A table's name is that of its row type, too.
  const isMade = (name: string) => made.others.has(name) || made.relations.has(name);
  for (const { name, location } of found.uses) if (isMade(name)) addAt(location);
  const first = [...found.makes, ...found.named]
    .filter(isMade)
    .map((name) => placesOf(text, name)[0]);
  const last = found.namedLast.filter(isMade).map((name) => placesOf(text, name).at(-1));
  for (const place of [...first, ...last]) if (place !== undefined) places.add(place);
  let result = text;
  for (const place of [...places].sort((a, b) => b - a)) {
    result = `${result.slice(0, place)}public.${result.slice(place)}`;
  }
  return result;
}

/** The names in a statement that have no schema. */
class Finder {
  public readonly relations: RangeVar[] = [];
  public readonly commonTables = new Set<string>();
  public readonly temporary: string[] = [];
  /** Types and functions that it makes. */
  public readonly makes: string[] = [];
  /** Types and functions that it uses. */
  public readonly uses: { name: string; location: number }[] = [];
  /** What it names in a form whose place the tree does not tell. */
  public readonly named: string[] = [];
  /** The same, where it is the last place at which the name stands. */
  public readonly namedLast: string[] = [];

  public constructor(tree: object) {
    this.visit(tree);
  }

  private visit(node: unknown): void {
    if (typeof node !== "object" || node === null) return;
    if (isRelation(node)) {
      if (node.relpersistence === "t") this.temporary.push(node.relname ?? "");
      else if (node.schemaname === undefined) this.relations.push(node);
      return;
    }
    for (const [key, value] of Object.entries(node)) {
      this.look(key, value);
      this.visit(value);
    }
  }

  private look(kind: string, body: unknown): void {
    if (typeof body !== "object" || body === null) return;
    const part = (field: string): string | undefined => {
      const [only, ...others] = nameParts(valueOf(body, field));
      return others.length === 0 ? only : undefined;
    };
    const location = Number(Reflect.get(body, "location") ?? 0);
    switch (kind) {
      case "CommonTableExpr":
        this.commonTables.add(String(Reflect.get(body, "ctename")));
        break;
      case "TypeName":
      case "typeName":
      case "argType":
      case "returnType": {
        const name = part("names");
        if (name !== undefined) this.uses.push({ name, location });
        break;
      }
      case "FuncCall": {
        const name = part("funcname");
        if (name !== undefined) this.uses.push({ name, location });
        break;
      }
      case "CreateFunctionStmt":
        this.add(this.makes, part("funcname"));
        break;
      case "CreateEnumStmt":
      case "CreateRangeStmt":
        this.add(this.makes, part("typeName"));
        break;
      case "CreateDomainStmt":
        this.add(this.makes, part("domainname"));
        break;
      case "CompositeTypeStmt":
        this.add(this.makes, String(Reflect.get(Object(Reflect.get(body, "typevar")), "relname")));
        break;
      case "CreateTrigStmt":
        // The trigger, which comes first, may be called as the function.
        this.add(this.namedLast, part("funcname"));
        break;
      case "AlterEnumStmt":
        this.add(this.named, part("typeName"));
        break;
      case "ObjectWithArgs":
        this.add(this.named, part("objname"));
        break;
      case "DropStmt":
      case "CommentStmt":
        this.addListed(body);
        break;
    }
  }

  /** `drop table a, b`; of `comment on column a.b` and `drop policy p on a` the table comes first. */
  private addListed(body: object): void {
    const listed: unknown = Reflect.get(body, "objects") ?? [Reflect.get(body, "object")];
    for (const each of Array.isArray(listed) ? listed : []) {
      const [first, ...others] = nameParts(each);
      if (others.length < 2) this.add(this.named, first);
    }
  }

  private add(names: string[], name: string | undefined): void {
    if (name !== undefined) names.push(name);
  }
}

function valueOf(node: object, field: string) {
  const value: unknown = Reflect.get(node, field);
  return Array.isArray(value) ? value : undefined;
}

function isRelation(node: object): node is RangeVar {
  return "relname" in node && "relpersistence" in node;
}

/** Where a name stands that is not part of a longer one. */
function placesOf(text: string, name: string): Place[] {
  const places: Place[] = [];
  let before: string | undefined;
  for (let token = tokenAfter(text, 0); token; token = tokenAfter(text, token.end)) {
    const bare = token.text.startsWith('"')
      ? token.text.slice(1, -1).replaceAll('""', '"')
      : token.text.toLowerCase();
    if (before !== "." && bare === name) places.push(token.start);
    before = token.text;
  }
  return places;
}
