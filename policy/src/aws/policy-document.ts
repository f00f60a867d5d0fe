import { type Judged, type Verdict, broken, unjudged } from "./rule";
import { readWhole } from "../reading";

/** One statement of a policy document, its one-or-many fields as lists. */
export interface Statement {
  readonly effect: string;
  /** ARNs, services and "*" together. */
  readonly principals: readonly string[];
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
 * Judges the statements of a policy in one of a resource's properties. Without one there is nothing
 * to judge; one that is not known is said to be, and one that can not be read is refused.
 */
export function judgePolicy(
  on: Judged,
  property: string,
  judge: (statements: readonly Statement[]) => Verdict[],
): Verdict[] {
  const reading = readWhole(on.props, property);
  if (reading.state === "unknown") return [unjudged(on, [property])];
  if (reading.state === "absent") return [];
  const statements = parse(reading.value);
  if (statements) return judge(statements);
  return [
    broken(on, `has a ${property} that is not a policy document; it must be JSON. Correct it.`),
  ];
}

/** Whether a statement's actions contain an action, wildcards considered. */
export function allows(statement: Statement, action: string): boolean {
  return statement.actions.some((pattern) => matches(pattern, action));
}

/** Whether a statement is about every principal. */
export function isAboutEverybody({ principals }: Statement): boolean {
  return principals.includes("*");
}

function matches(pattern: string, action: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  const expression = escaped.replace(/\*/g, ".*").replace(/\?/g, ".");
  return new RegExp(`^${expression}$`, "i").test(action);
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
