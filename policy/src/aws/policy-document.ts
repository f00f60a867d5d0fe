import { type Judged, type Path, type Verdict, broken, forEachOf, unjudged } from "./rule";
import { IAM_ROLE } from "./types";
import { readWhole } from "../reading";

/** Operators that hold for the named values alone, and not where a request lacks the key. */
const LIMITING = /^(?:ForAnyValue:)?(?:String(?:Equals|EqualsIgnoreCase|Like)|Arn(?:Equals|Like))$/;

/** One statement of a policy document, its one-or-many fields as lists. */
export interface Statement {
  readonly effect: string;
  /** ARNs, services and "*" together. */
  readonly principals: readonly string[];
  /** Those of them that are identity providers. */
  readonly federated: readonly string[];
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions: readonly Condition[];
}

/** One comparison of a statement's condition; all of them have to hold. */
export interface Condition {
  /** Such as `StringEquals`. */
  readonly operator: string;
  /** Such as `aws:SecureTransport`, as written. */
  readonly key: string;
  readonly values: readonly string[];
}

/**
 * Judges the statements of a policy below one of a resource's properties. Without one there is nothing
 * to judge; one that is not known is said to be, and one that cannot be read is refused.
 */
export function judgePolicy(
  on: Judged,
  path: Path,
  judge: (statements: readonly Statement[]) => Verdict[],
): Verdict[] {
  const reading = readWhole(on.props, ...path);
  if (reading.state === "unknown") return [unjudged(on, path)];
  if (reading.state === "absent") return [];
  const statements = parse(reading.value);
  if (statements) return judge(statements);
  return [
    broken(
      on,
      `has a ${path.join(".")} that is not a policy document; it must be JSON. Correct it.`,
    ),
  ];
}

/** Judges the statements that say what a principal of IAM may do: a policy's, or those inside a role. */
export function judgePowers(
  on: Judged,
  judge: (statements: readonly Statement[]) => Verdict[],
): Verdict[] {
  if (on.type !== IAM_ROLE) return judgePolicy(on, ["policy"], judge);
  return forEachOf(on, ["inlinePolicies"], (inline) =>
    judgePolicy(on, [...inline, "policy"], judge),
  );
}

/** Whether a statement's actions contain an action, wildcards considered. */
export function allows(statement: Pick<Statement, "actions">, action: string): boolean {
  return statement.actions.some((pattern) => matches(pattern, action));
}

/** Whether a statement is about every principal. */
export function isAboutEverybody({ principals }: Statement): boolean {
  return principals.includes("*");
}

/**
 * Whether a statement holds only where a key of the request has one of the values that `names` accepts.
 * @param names given the key in lower case and one value; a pattern may come as a value.
 */
export function isTied(
  { conditions }: Statement,
  names: (key: string, value: string) => boolean,
): boolean {
  return conditions.some(
    ({ operator, key, values }) =>
      LIMITING.test(operator) &&
      values.length > 0 &&
      // A variable is whatever the caller is, or brings along.
      values.every((value) => !value.includes("${") && names(key.toLowerCase(), value)),
  );
}

/** Whether a pattern with the wildcards of IAM takes in a text. */
export function matches(pattern: string, text: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  const expression = escaped.replace(/\*/g, ".*").replace(/\?/g, ".");
  return new RegExp(`^${expression}$`, "i").test(text);
}

function parse(value: unknown): Statement[] | undefined {
  const document = asObject(typeof value === "string" ? parseJson(value) : value);
  if (!document) return undefined;
  const statements = listOf(document["Statement"]).map(readStatement);
  const read = statements.filter((statement) => statement !== undefined);
  return read.length === statements.length && read.length > 0 ? read : undefined;
}

function readStatement(value: unknown): Statement | undefined {
  const fields = asObject(value);
  if (!fields) return undefined;
  const effect = String(fields["Effect"]);
  // "All but these" allows nearly all, and refuses nothing for certain.
  const others = effect === "Allow" ? ["*"] : [];
  return {
    effect,
    federated: texts(asObject(fields["Principal"])?.["Federated"]),
    principals: "NotPrincipal" in fields ? others : principalsOf(fields["Principal"]),
    actions: "NotAction" in fields ? others : texts(fields["Action"]),
    resources: "NotResource" in fields ? others : texts(fields["Resource"]),
    conditions: conditionsOf(fields["Condition"]),
  };
}

function principalsOf(value: unknown): string[] {
  const byKind = asObject(value);
  return byKind ? Object.values(byKind).flatMap(texts) : texts(value);
}

function conditionsOf(value: unknown): Condition[] {
  return Object.entries(asObject(value) ?? {}).flatMap(([operator, comparisons]) =>
    Object.entries(asObject(comparisons) ?? {}).map(([key, values]) => ({
      operator,
      key,
      values: texts(values),
    })),
  );
}

function texts(value: unknown): string[] {
  return listOf(value).map(String);
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? { ...value }
    : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
