import type { Contract } from "@app-data/rules";
import type { World } from "../rows/worlds";

const REGISTERED = new Set(
  "sub role aud iss exp iat nbf jti email phone aal amr session_id is_anonymous app_metadata user_metadata raw_user_meta_data raw_app_meta_data".split(
    " ",
  ),
);
/** A setting that policies read. */
export interface Setting {
  name: string;
  /** Whether it is read as a number. */
  isNumber: boolean;
}

const MOST_TEXTS = 8;

/** A claim that policies read, and the text that it is compared with. */
export interface Claim {
  key: string;
  value: string | undefined;
  /** Whether it is read as a number. */
  isNumber: boolean;
  /** Whether it is read as a list. */
  isList: boolean;
}

/** The claims that a text reads, but for the registered ones. */
export function readClaims(
  text: string,
  labelsOf: ReadonlyMap<string, readonly string[]> = new Map(),
): Claim[] {
  const keys = [...text.matchAll(/->>?\s*'(\w+)'/g)].flatMap(([, key]) => (key ? [key] : []));
  const paths = [...text.matchAll(/#>>?\s*'\{([\w,\s]+)\}'/g)].flatMap(([, path = ""]) =>
    path.split(/,\s*/),
  );
  const compared = new Map(
    [
      ...text.matchAll(
        /->>\s*'(\w+)'(?:::text)?\)*(?:\s+AS \w+)?\)*\s*=\s*(?:ANY\s*\(+ARRAY\[|\()?'([^']+)'/g,
      ),
    ].map(([, key = "", value = ""]) => [key, value]),
  );
  return [...new Set([...keys, ...paths])]
    .filter((key) => !REGISTERED.has(key))
    .map((key) => ({
      key,
      // What is cast to an enum has to be one of its labels.
      value:
        compared.get(key) ??
        labelsOf.get(new RegExp(`'${key}'(?:::text)?\\)*::([\\w."]+)`).exec(text)?.[1] ?? "")?.[0],
      isNumber: new RegExp(`'${key}'(?:::text)?\\)*::(?:int|bigint|numeric|smallint)`).test(text),
      isList: new RegExp(`_array_elements(?:_text)?\\([^;,]{0,120}'${key}'`).test(text),
    }));
}

/** Claims that users have in their tokens as they like. */
export function claimTricks(
  text: string,
  { userWrittenClaims }: Contract,
  victim: World,
): { description: string; chosen: Record<string, unknown> }[] {
  const written = userWrittenClaims.filter(
    (claim) =>
      new RegExp(`'\\{?${claim}\\b|"${claim}"`).test(text) ||
      (claim === "email" && /\bemail\(/.test(text)),
  );
  const keys = readClaims(text);
  const values = [...new Set(["true", "admin", ...comparedTexts(text), victim.id, victim.email])];
  return written.flatMap((claim) => {
    const isObject = /meta/.test(claim);
    if (isObject && keys.length === 0) return [];
    return values.map((value) => ({
      description: `${claim} of their own (${value})`,
      chosen: {
        [claim]: isObject
          ? Object.fromEntries(
              [...keys, ROLE].map(({ key, isList }) => {
                const chosen = value === "true" ? true : value;
                return [key, isList ? [chosen] : chosen];
              }),
            )
          : value,
      },
    }));
  });
}

const ROLE = { key: "role", isList: false };

/** The texts that something is compared with. */
function comparedTexts(text: string): string[] {
  const found = [...text.matchAll(/=\s*\(?\s*'([\w -]{1,40})'/g)].flatMap(([, value]) =>
    value ? [value] : [],
  );
  return [...new Set(found)].slice(0, MOST_TEXTS);
}

/** The settings that a text reads, but for that of the claims. */
export function readSettings(text: string, { claims }: Contract): Setting[] {
  const names = [...text.matchAll(/current_setting\(\s*'([^']+)'/gi)].flatMap(([, name]) =>
    name?.includes(".") && name !== claims.setting ? [name] : [],
  );
  return [...new Set(names)].map((name) => ({
    name,
    isNumber: new RegExp(
      `'${name.replace(/\W/g, "\\$&")}'[^)]*\\)+(?:, ''(?:::text)?\\))?\\)*::(?:int|bigint|numeric|smallint)`,
    ).test(text),
  }));
}

/** Settings that policies trust and the application does not make, and what an attacker puts there. */
export function settingTricks(
  text: string,
  contract: Contract,
  victim: World,
): { name: string; value: string }[] {
  const { trustedSettings, claims, backOfficeRoles } = contract;
  const values = [
    victim.id,
    victim.number,
    JSON.stringify({ [claims.subject]: victim.id, role: backOfficeRoles[0] }),
    "true",
    "on",
    "1",
    ...comparedTexts(text),
  ];
  return readSettings(text, contract)
    .filter(({ name }) => !trustedSettings.includes(name))
    .flatMap(({ name }) => [...new Set(values)].map((value) => ({ name, value })));
}
