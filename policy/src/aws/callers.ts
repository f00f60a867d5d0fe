const ACCOUNT = /^\d{12}$/;
const ORGANIZATION = /^o-[a-z0-9]+$/;
const ARN_OF_ACCOUNT = /^arn:[^:*?]+:[^:*?]+:[^:]*:\d{12}:/;
/** What says in whose name a principal calls, and the values that name somebody. */
const OF_PRINCIPAL: Readonly<Record<string, RegExp>> = {
  "aws:principalaccount": ACCOUNT,
  "aws:principalarn": ARN_OF_ACCOUNT,
  "aws:principalorgid": ORGANIZATION,
};
/** The same for a service, which calls on behalf of anyone who asks it to. */
const OF_SOURCE: Readonly<Record<string, RegExp>> = {
  "aws:sourceaccount": ACCOUNT,
  "aws:sourcearn": ARN_OF_ACCOUNT,
  "aws:sourceorgid": ORGANIZATION,
};

/** Whether a condition's key and value name the account or organization of a principal. */
export function namesPrincipal(key: string, value: string): boolean {
  return OF_PRINCIPAL[key]?.test(value) ?? false;
}

/** Whether a condition's key and value name the account or organization that a service calls for. */
export function namesSource(key: string, value: string): boolean {
  return OF_SOURCE[key]?.test(value) ?? false;
}
