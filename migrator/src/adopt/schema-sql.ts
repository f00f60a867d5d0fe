import { type Fact, type Json, splitKey } from "../catalog";
import { fields, quoteText, text, texts } from "../judge/drift/drift";
import type { SchemaReading } from "./schema-reading";

/** SQL that makes a schema. */
export interface SchemaSql {
  /** Statements under a heading each, in the order in which they run. */
  sections: { heading: string; statements: string[] }[];
  /** What no statement makes, a sentence each. */
  notMade: string[];
}

/** What is made in the order in which one needs the other. */
const ORDERED = new Set(["type", "sequence", "table", "function", "view", "materialized view"]);
/** They belong to the stack. */
const OF_THE_STACK = new Set(["role", "database"]);
const NOT_MADE: Readonly<Record<string, string>> = {
  "default privileges": "write what holds for objects to come with `alter default privileges`",
  publication: "it copies rows past row level security",
  "event trigger": "it takes a superuser",
  "foreign server": "it takes a superuser, and may hold a password",
  "foreign table": "its server is not made either",
  aggregate: "write it with `create aggregate`",
};

/** Writes SQL that makes a schema, or leaves what is there of it: nothing is dropped or altered. */
export function schemaSql(reading: SchemaReading): SchemaSql {
  return new SchemaWriter(reading).write();
}

class SchemaWriter {
  private readonly notMade: string[] = [];
  private readonly objects: [key: string, fact: Fact][];

  public constructor(private readonly reading: SchemaReading) {
    const own = [...reading.catalog]
      .filter(([key, fact]) => !reading.implied.has(key) && fact["extension"] === undefined)
      .filter(([key]) => !OF_THE_STACK.has(splitKey(key).kind))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const reasonOf = ([key, fact]: [string, Fact]) =>
      NOT_MADE[splitKey(key).kind] ?? NOT_MADE[text(fact, "kind")];
    this.objects = own.filter((each) => reasonOf(each) === undefined);
    this.notMade.push(...reading.unread.map((what) => `${what}: write it before what needs it.`));
    for (const each of own) {
      const reason = reasonOf(each);
      if (reason !== undefined) this.notMade.push(`${each[0]}: ${reason}.`);
    }
  }

  public write(): SchemaSql {
    const sections = [
      { heading: "Schemas and extensions", statements: this.containers() },
      { heading: "Types, tables, functions and views", statements: this.ordered() },
      {
        heading: "Foreign keys and other constraints",
        statements: this.ofKind("constraint", late),
      },
      { heading: "Indexes", statements: this.ofKind("index", indexStatement) },
      { heading: "Statistics", statements: this.ofKind("statistics", statisticsStatement) },
      { heading: "Triggers and rules", statements: this.triggers() },
      { heading: "Row level security", statements: this.rowSecurity() },
      { heading: "Grants", statements: this.grants() },
      { heading: "Comments", statements: this.comments() },
    ];
    return {
      sections: sections.filter(({ statements }) => statements.length > 0),
      notMade: this.notMade,
    };
  }

  private ofKind(kind: string, write: (name: string, fact: Fact) => string[]): string[] {
    return this.objects.flatMap(([key, fact]) => {
      const found = splitKey(key);
      return found.kind === kind ? write(found.name, fact) : [];
    });
  }

  private containers(): string[] {
    const schemas = this.ofKind("schema", (name) => [`create schema if not exists ${name};`]);
    const extensions = this.ofKind("extension", (name, fact) =>
      name === "plpgsql"
        ? []
        : [
            `create extension if not exists ${name} with schema ${this.quote(text(fact, "schema"))};`,
          ],
    );
    return [...schemas, ...extensions];
  }

  /** Each after what it needs; of two that need each other, the first by name comes first. */
  private ordered(): string[] {
    const facts = new Map(this.objects.filter(([key]) => ORDERED.has(splitKey(key).kind)));
    const done = new Set<string>();
    const statements: string[] = [];
    const visit = (key: string) => {
      const fact = facts.get(key);
      if (done.has(key) || !fact) return;
      done.add(key);
      for (const needed of this.reading.needs.get(key) ?? []) visit(needed);
      statements.push(...this.make(key, fact));
    };
    for (const key of facts.keys()) visit(key);
    const owned = this.ofKind("sequence", (name, fact) =>
      text(fact, "column") === ""
        ? []
        : [`alter sequence ${name} owned by ${text(fact, "column")};`],
    );
    return [...statements, ...owned];
  }

  private make(key: string, fact: Fact): string[] {
    const { kind, name } = splitKey(key);
    switch (kind) {
      case "type":
        return this.type(key, name, fact);
      case "sequence":
        return [
          `create sequence if not exists ${name} as ${text(fact, "type")} ${sequence(fact)};`,
        ];
      case "table":
        return this.table(name, fact);
      case "function":
        return [`${this.reading.functions.get(key)?.trimEnd() ?? ""};`];
      default:
        return [view(kind, name, fact)];
    }
  }

  private type(key: string, name: string, fact: Fact): string[] {
    const constraints = Object.entries(fields(fact["constraints"])).map(
      ([constraint, definition]) => ` constraint ${this.quote(constraint)} ${String(definition)}`,
    );
    const definition = {
      enum: `as enum (${texts(fact["labels"]).map(quoteText).join(", ")})`,
      range: `as range (subtype = ${text(fact, "of")})`,
      composite: `as (${this.attributes(fact).join(", ")})`,
      domain:
        `as ${text(fact, "base")}` +
        (text(fact, "default") === "" ? "" : ` default ${text(fact, "default")}`) +
        (fact["notNull"] === true ? " not null" : "") +
        constraints.join(""),
    }[text(fact, "kind")];
    if (fact["kind"] === "range")
      this.notMade.push(`${key}: only its subtype was read; add its functions, if it has any.`);
    const create = fact["kind"] === "domain" ? "create domain" : "create type";
    return [
      unless(`to_regtype(${quoteText(name)}) is not null`, `${create} ${name} ${definition};`),
    ];
  }

  private attributes(fact: Fact): string[] {
    return list(fact["attributes"]).map(
      (attribute) => `${this.quote(text(attribute, "name"))} ${text(attribute, "type")}`,
    );
  }

  private table(name: string, fact: Fact): string[] {
    const bound = text(fact, "partitionBound");
    const parents = texts(fact["inherits"]);
    const constraints = this.ofKind("constraint", (constraint, each) =>
      text(each, "table") === name && isInline(each)
        ? [`constraint ${lastPart(constraint)} ${text(each, "definition")}`]
        : [],
    );
    const parts = [
      ...(bound === "" ? list(fact["columns"]).map((column) => this.column(name, column)) : []),
      ...constraints,
    ].map((part) => `  ${part}`);
    const body = parts.length > 0 || bound === "" ? ` (\n${parts.join(",\n")}\n)` : "";
    const options = texts(fact["options"]).map((option) => option.replace("=", " = "));
    const statement = [
      `create ${fact["unlogged"] === true ? "unlogged " : ""}table if not exists ${name}`,
      bound === "" ? body : ` partition of ${parents.join(", ")}${body} ${bound}`,
      text(fact, "partitionKey") === "" ? "" : ` partition by ${text(fact, "partitionKey")}`,
      options.length > 0 ? ` with (${options.join(", ")})` : "",
    ];
    if (bound !== "" && !parents.every((parent) => this.hasColumnsOf(parent, fact))) {
      this.notMade.push(
        `table ${name}: its columns are in another order than those of its parent.`,
      );
    }
    const identity = text(fact, "replicaIdentity");
    // Its columns keep their order, which those of a parent would come before.
    const inherited = (bound === "" ? parents : []).map((parent) =>
      unless(
        `exists (select from pg_catalog.pg_inherits where inhrelid = ${quoteText(name)}::regclass` +
          ` and inhparent = ${quoteText(parent)}::regclass)`,
        `alter table ${name} inherit ${parent};`,
      ),
    );
    return [
      `${statement.join("")};`,
      ...inherited,
      ...(identity === "" ? [] : [`alter table ${name} replica identity ${identity};`]),
    ];
  }

  private hasColumnsOf(parent: string, partition: Fact): boolean {
    const namesOf = (fact: Fact | undefined) =>
      JSON.stringify(list(fact?.["columns"]).map((column) => column["name"] ?? null));
    return namesOf(partition) === namesOf(this.reading.catalog.get(`table ${parent}`));
  }

  private column(table: string, fact: Fact): string {
    const [generated, identity] = [text(fact, "generated"), text(fact, "identity")];
    const column = this.quote(text(fact, "name"));
    const stored = fact["virtual"] === true ? "virtual" : "stored";
    return [
      `${column} ${text(fact, "type")}`,
      text(fact, "collation") === "" ? "" : `collate ${text(fact, "collation")}`,
      identity === "" ? "" : `generated ${identity} as identity${this.identity(table, column)}`,
      generated === "" ? "" : `generated always as (${generated}) ${stored}`,
      text(fact, "default") === "" ? "" : `default ${text(fact, "default")}`,
      fact["notNull"] === true ? "not null" : "",
    ]
      .filter((part) => part !== "")
      .join(" ");
  }

  private identity(table: string, column: string): string {
    for (const [key, fact] of this.reading.catalog) {
      const { kind, name } = splitKey(key);
      if (kind === "sequence" && text(fact, "column") === `${table}.${column}`)
        return ` (sequence name ${name} ${sequence(fact)})`;
    }
    return "";
  }

  private triggers(): string[] {
    const triggers = this.ofKind("trigger", (trigger, fact) => {
      const definition = text(fact, "definition");
      const create = definition.startsWith("CREATE CONSTRAINT TRIGGER")
        ? unless(
            `exists (select from pg_catalog.pg_trigger where tgname = ${quoteText(text(fact, "name"))}` +
              ` and tgrelid = ${quoteText(text(fact, "table"))}::regclass)`,
            `${definition};`,
          )
        : `${definition.replace("CREATE TRIGGER", "create or replace trigger")};`;
      return [create, ...enabled("trigger", lastPart(trigger), fact)];
    });
    const rules = this.ofKind("rule", (rule, fact) => [
      text(fact, "definition").replace("CREATE RULE", "create or replace rule"),
      ...enabled("rule", lastPart(rule), fact),
    ]);
    return [...triggers, ...rules];
  }

  private rowSecurity(): string[] {
    const tables = this.ofKind("table", (name, fact) => [
      ...(fact["rowSecurity"] === true ? [`alter table ${name} enable row level security;`] : []),
      ...(fact["forced"] === true ? [`alter table ${name} force row level security;`] : []),
    ]);
    const policies = this.ofKind("policy", (policy, fact) => {
      const [name, table] = [lastPart(policy), text(fact, "table")];
      const roles = texts(fact["roles"]).map((role) => this.quote(role));
      const [using, check] = [text(fact, "using"), text(fact, "check")];
      return [
        `drop policy if exists ${name} on ${table};`,
        `create policy ${name} on ${table}${fact["permissive"] === true ? "" : " as restrictive"}\n` +
          `  for ${text(fact, "command")} to ${roles.join(", ")}` +
          (using === "" ? "" : `\n  using (${using})`) +
          (check === "" ? "" : `\n  with check (${check})`) +
          ";",
      ];
    });
    return [...tables, ...policies];
  }

  /** PUBLIC may run functions and use types where nobody says otherwise. */
  private grants(): string[] {
    return this.objects.flatMap(([key, fact]) => {
      const { kind, name } = splitKey(key);
      if (!(kind in GRANTED) || fact["grants"] === undefined) return [];
      const object = `${this.grantedAs(kind, fact)} ${name}`;
      const grants = Object.entries(fields(fact["grants"])).flatMap(([role, privileges]) =>
        texts(privileges).map((privilege) => {
          const bare = privilege.replace(/ with grant option$/, "");
          const option = bare === privilege ? "" : " with grant option";
          return `grant ${bare} on ${object} to ${this.quote(role)}${option};`;
        }),
      );
      return [`revoke all on ${object} from public;`, ...grants];
    });
  }

  private grantedAs(kind: string, fact: Fact): string {
    return kind === "function" && fact["kind"] === "procedure"
      ? "procedure"
      : (GRANTED[kind] ?? kind);
  }

  private comments(): string[] {
    return this.objects.flatMap(([key, fact]) => {
      const { kind, name } = splitKey(key);
      const on = COMMENTED_ON_TABLE.has(kind)
        ? `${kind} ${lastPart(name)} on ${text(fact, "table")}`
        : `${this.commentedAs(kind, fact)} ${name}`;
      const columns = list(fact["columns"]).flatMap((column) =>
        comment(`column ${name}.${this.quote(text(column, "name"))}`, column),
      );
      return [...comment(on, fact), ...columns];
    });
  }

  private commentedAs(kind: string, fact: Fact): string {
    if (kind === "type" && fact["kind"] === "domain") return "domain";
    return kind === "function" ? this.grantedAs(kind, fact) : kind;
  }

  /** A name as SQL needs it. */
  private quote(name: string): string {
    return this.reading.quoted.get(name) ?? name;
  }
}

const GRANTED: Readonly<Record<string, string>> = {
  schema: "schema",
  table: "table",
  view: "table",
  "materialized view": "table",
  sequence: "sequence",
  function: "function",
  type: "type",
};
const COMMENTED_ON_TABLE = new Set(["constraint", "trigger", "policy", "rule"]);

/** Of a key's name, what comes after the table: the name itself, which may be quoted. */
function lastPart(name: string): string {
  return /(?:"(?:[^"]|"")*"|[^."]+)$/.exec(name)?.[0] ?? name;
}

function isInline(constraint: Fact): boolean {
  return (
    constraint["validated"] === true && !text(constraint, "definition").startsWith("FOREIGN KEY")
  );
}

/** A constraint that its table cannot be made with. */
function late(name: string, fact: Fact): string[] {
  if (isInline(fact)) return [];
  const [table, constraint] = [text(fact, "table"), lastPart(name)];
  const bare = constraint.startsWith('"')
    ? constraint.slice(1, -1).replaceAll('""', '"')
    : constraint;
  return [
    unless(
      `exists (select from pg_catalog.pg_constraint where conname = ${quoteText(bare)}` +
        ` and conrelid = ${quoteText(table)}::regclass)`,
      `alter table ${table} add constraint ${constraint}\n      ${text(fact, "definition")};`,
    ),
  ];
}

function indexStatement(_: string, fact: Fact): string[] {
  if (fact["constraint"] !== undefined) return [];
  const definition = text(fact, "definition")
    .replace(/^CREATE (UNIQUE )?INDEX /, (__, unique: string | undefined) =>
      unique ? "create unique index if not exists " : "create index if not exists ",
    )
    .replace(" ON ONLY ", " ON ");
  return [`${definition};`];
}

function statisticsStatement(_: string, fact: Fact): string[] {
  const definition = text(fact, "definition");
  return [`${definition.replace("CREATE STATISTICS", "create statistics if not exists")};`];
}

function view(kind: string, name: string, fact: Fact): string {
  const options = texts(fact["options"]).map((option) => option.replace("=", " = "));
  const settings = options.length > 0 ? ` with (${options.join(", ")})` : "";
  const query = text(fact, "definition").replace(/;\s*$/, "");
  if (kind === "view") return `create or replace view ${name}${settings} as\n${query};`;
  const data = fact["populated"] === false ? " with no data" : "";
  return `create materialized view if not exists ${name}${settings} as\n${query}${data};`;
}

function sequence(fact: Fact): string {
  return [
    `start with ${text(fact, "start")}`,
    `increment by ${text(fact, "increment")}`,
    `minvalue ${text(fact, "least")}`,
    `maxvalue ${text(fact, "greatest")}`,
    `cache ${text(fact, "cache")}`,
    ...(fact["cycles"] === true ? ["cycle"] : []),
  ].join(" ");
}

const STATES: Readonly<Record<string, string>> = {
  disabled: "disable",
  "on replicas only": "enable replica",
  always: "enable always",
};

function enabled(kind: "trigger" | "rule", name: string, fact: Fact): string[] {
  const state = STATES[text(fact, "enabled")];
  return state === undefined
    ? []
    : [`alter table ${text(fact, "table")} ${state} ${kind} ${name};`];
}

function comment(on: string, fact: Fact): string[] {
  return text(fact, "comment") === ""
    ? []
    : [`comment on ${on} is ${quoteText(text(fact, "comment"))};`];
}

/** A statement that has no `if not exists` of its own. */
function unless(condition: string, statement: string): string {
  return `do $make$ begin\n  if not (${condition}) then\n    ${statement}\n  end if;\nend $make$;`;
}

function list(value: Json | undefined): Fact[] {
  return Array.isArray(value) ? value.map(fields) : [];
}
