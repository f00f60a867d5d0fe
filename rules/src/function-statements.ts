import type {
  AlterFunctionStmt,
  CreateFunctionStmt,
  DefineStmt,
  FunctionParameter,
  Node,
  ObjectWithArgs,
  VariableSetStmt,
} from "libpg-query";
import { everyone } from "./contract";
import { constantText, identifiers } from "./expressions";
import { isOn, optionsOf, typeName } from "./nodes";
import type { TableName } from "./names";
import { functionKey, withEntry } from "./object-model";
import { followFunction } from "./renamed";
import type { DatabaseFunction } from "./schema";
import type { StatementScope } from "./statement-scope";

export function createFunction(statement: CreateFunctionStmt, scope: StatementScope): void {
  const { funcname = [], parameters = [], options, sql_body } = statement;
  const parts = identifiers(funcname);
  const inputs = inputParameters(parameters);
  const name = parts.at(-1) ?? "";
  const schema = scope.schemaOf(parts);
  const key = functionKey(schema, name, inputs.map(typeOf));
  const known = scope.objects.functions.get(key);
  const made: DatabaseFunction = {
    schema,
    name,
    arguments: identityArguments(parameters),
    owner: known?.owner ?? scope.role,
    language: sql_body ? "sql" : "",
    securityDefiner: false,
    volatility: "volatile",
    searchPath: null,
    executableBy: known?.executableBy ?? defaultExecution(scope, schema),
    returns: resultOf(statement),
    source: sql_body ? atomicBody(scope.sql) : null,
    settings: [],
    origin: scope.origin,
  };
  const changed = changedBy(made, options ?? []);
  scope.objects.functions = withEntry(scope.objects.functions, key, changed);
  if (!known) scope.objects.branches = withEntry(scope.objects.branches, key, scope.path);
}

/** An aggregate is executed with the rights that its owner has on the functions that it is made of. */
export function createAggregate(
  { defnames = [], args = [], definition }: DefineStmt,
  scope: StatementScope,
): void {
  const parts = identifiers(defnames);
  const name = parts.at(-1) ?? "";
  const schema = scope.schemaOf(parts);
  const [direct] = args;
  const inputs = inputParameters(direct && "List" in direct ? (direct.List.items ?? []) : []);
  const calls = [...optionsOf(definition)].flatMap(([option, value]) => {
    const named = value && "TypeName" in value ? identifiers(value.TypeName.names ?? []) : [];
    return /func$/.test(option) && named.length > 0
      ? [{ schema: scope.schemaOf(named), name: named.at(-1) ?? "" }]
      : [];
  });
  const key = functionKey(schema, name, inputs.map(typeOf));
  const known = scope.objects.functions.get(key);
  scope.objects.functions = withEntry(scope.objects.functions, key, {
    schema,
    name,
    arguments: inputs.map(typeOf).join(", "),
    owner: known?.owner ?? scope.role,
    language: "internal",
    securityDefiner: false,
    searchPath: null,
    executableBy: known?.executableBy ?? defaultExecution(scope, schema),
    calls,
    origin: scope.origin,
  });
}

export function alterFunction({ func, actions }: AlterFunctionStmt, scope: StatementScope): void {
  if (!func) return;
  changeFunction(func, scope, (item) => changedBy(item, actions ?? []));
}

/** Changes each function that a name means. */
export function changeFunction(
  named: ObjectWithArgs,
  scope: StatementScope,
  change: (item: DatabaseFunction) => DatabaseFunction,
): void {
  for (const key of functionsNamed(named, scope)) {
    const item = scope.objects.functions.get(key);
    if (!item) continue;
    const changed = { ...change(item), origin: scope.origin };
    const { schema, name } = changed;
    const functions = new Map(scope.objects.functions);
    functions.delete(key);
    const now = functionKey(schema, name, [key.slice(key.indexOf("(") + 1, -1)]);
    functions.set(now, changed);
    scope.objects.functions = functions;
    const branch = scope.objects.branches.get(key);
    if (branch) scope.objects.branches = withEntry(scope.objects.branches, now, branch);
  }
}

/** Gives each function that a name means another name or schema. */
export function renameFunction(
  named: ObjectWithArgs,
  to: Partial<TableName>,
  scope: StatementScope,
): void {
  for (const key of functionsNamed(named, scope)) {
    const item = scope.objects.functions.get(key);
    if (item) followFunction(item, { schema: item.schema, name: item.name, ...to }, scope);
  }
  changeFunction(named, scope, (item) => ({ ...item, ...to }));
}

export function dropFunction(named: ObjectWithArgs, scope: StatementScope): void {
  if (scope.path.length > 0) return;
  const functions = new Map(scope.objects.functions);
  for (const key of functionsNamed(named, scope)) functions.delete(key);
  scope.objects.functions = functions;
}

/** The keys of the known functions that a name means, all of a name where it gives no arguments. */
export function functionsNamed(
  { objname, objfuncargs, args_unspecified }: ObjectWithArgs,
  scope: StatementScope,
): string[] {
  const parts = identifiers(objname ?? []);
  const name = parts.at(-1) ?? "";
  const schema = scope.schemaOf(parts);
  const prefix = `${schema}.${name}(`;
  const known = [...scope.objects.functions.keys()];
  if (args_unspecified) return known.filter((key) => key.startsWith(prefix));
  const key = functionKey(schema, name, inputParameters(objfuncargs ?? []).map(typeOf));
  return known.filter((other) => other === key);
}

/** A procedure returns nothing; a function without `returns` returns what its parameters say. */
export function isProcedure({ returns }: DatabaseFunction): boolean {
  return returns === "";
}

function resultOf({ is_procedure, parameters = [], returnType }: CreateFunctionStmt): string {
  if (returnType) return `${returnType.setof ? "setof " : ""}${typeName(returnType)}`;
  const isOut = ({ mode }: FunctionParameter) =>
    mode === "FUNC_PARAM_OUT" || mode === "FUNC_PARAM_INOUT";
  const [only, another] = parameters.flatMap((node) =>
    "FunctionParameter" in node && isOut(node.FunctionParameter) ? [node.FunctionParameter] : [],
  );
  if (is_procedure || !only) return "";
  return another ? "record" : typeOf(only);
}

function changedBy(item: DatabaseFunction, actions: readonly Node[]): DatabaseFunction {
  const options = optionsOf(actions);
  const language = options.get("language");
  const body = options.get("as");
  let changed = { ...item };
  if (language && "String" in language) {
    changed.language = language.String.sval?.toLowerCase() ?? "";
  }
  if (body && "List" in body) changed.source = identifiers(body.List.items ?? [])[0] ?? "";
  const volatility = options.get("volatility");
  if (volatility && "String" in volatility) changed.volatility = volatility.String.sval ?? "";
  if (options.has("security")) changed.securityDefiner = isOn(options.get("security"));
  for (const action of actions) {
    if (!("DefElem" in action) || action.DefElem.defname !== "set") continue;
    const { arg } = action.DefElem;
    if (arg && "VariableSetStmt" in arg) changed = withSetting(changed, arg.VariableSetStmt);
  }
  return changed;
}

function withSetting(
  item: DatabaseFunction,
  { kind, name = "", args = [] }: VariableSetStmt,
): DatabaseFunction {
  const isSet = kind === "VAR_SET_VALUE" || kind === "VAR_SET_CURRENT";
  if (kind === "VAR_RESET_ALL") return { ...item, searchPath: null, settings: [] };
  if (name === "search_path") {
    const value = args.map((arg) => constantText(arg) ?? "").join(", ");
    return { ...item, searchPath: isSet ? value : null };
  }
  const others = (item.settings ?? []).filter((other) => other !== name);
  return { ...item, settings: isSet ? [...others, name] : others };
}

/** Who may execute what is made now: what holds in the schema adds to what holds everywhere. */
function defaultExecution({ objects, role }: StatementScope, schema: string): string[] {
  const entries = objects.defaultPrivileges.filter(
    (entry) => entry.objects === "functions" && entry.owner === role,
  );
  const granted = entries
    .filter((entry) => entry.schema === null || entry.schema === schema)
    .flatMap(({ grants }) => grants.map(({ grantee }) => grantee));
  const own = entries.some((entry) => entry.schema === null) ? [] : [everyone];
  return [...new Set([...own, ...granted])];
}

function inputParameters(nodes: readonly Node[]): FunctionParameter[] {
  return nodes
    .flatMap((node) => ("FunctionParameter" in node ? [node.FunctionParameter] : []))
    .filter(({ mode }) => mode !== "FUNC_PARAM_OUT" && mode !== "FUNC_PARAM_TABLE");
}

/** As `pg_get_function_identity_arguments` writes them. */
function identityArguments(nodes: readonly Node[]): string {
  return nodes
    .flatMap((node) => ("FunctionParameter" in node ? [node.FunctionParameter] : []))
    .filter(({ mode }) => mode !== "FUNC_PARAM_TABLE")
    .map(({ mode = "", name, argType }) =>
      [modes[mode], name, typeName(argType)].filter(Boolean).join(" "),
    )
    .join(", ");
}

const modes: Readonly<Record<string, string>> = {
  FUNC_PARAM_OUT: "OUT",
  FUNC_PARAM_INOUT: "INOUT",
  FUNC_PARAM_VARIADIC: "VARIADIC",
};

function typeOf({ argType }: FunctionParameter): string {
  return typeName(argType);
}

/** The body of `begin atomic … end` or `return …`, from its first word on. */
function atomicBody(statement: string): string {
  return /\b(begin\s+atomic\b[\s\S]*|return\b(?!s)[\s\S]*)$/i.exec(statement)?.[0] ?? "";
}
