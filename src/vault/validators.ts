import { validateHeaderValue } from "node:http";
import { AppDataError, shown } from "../errors.js";
import type { Secret } from "./secret.js";

/** What a provider says of a key: that it takes it, that it does not, or nothing that tells. */
export type Verdict = "valid" | "invalid" | "undecided";

/** Asks a provider of a key. */
export interface KeyValidator {
  /** As in {@link Vault.put}. */
  readonly provider: string;
  /**
   * What the provider says of the key.
   * @throws where the provider itself fails, whatever key it is asked about: it is asked again then, and is
   * left alone after some failures in a row.
   */
  check(secret: Secret, signal: AbortSignal): Promise<Verdict>;
}

/** How a provider is asked over HTTP. */
export interface HttpValidatorArgs {
  readonly provider: string;
  /** Where to send `GET`, with HTTPS. The key goes nowhere else: a redirect is not followed. */
  readonly url: string;
  /** The headers that carry the key. */
  readonly headers: (key: string) => Record<string, string>;
  /**
   * Whether an answer says that the key is none, which disables it: a status alone seldom does, since good
   * keys without a right are refused, too. Other answers but 2xx decide nothing.
   */
  readonly isRefusal: (status: number, body: string) => boolean;
}

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
const MOST_ANSWER_BYTES = 65_536;

/**
 * Asks a provider by a request that costs nothing.
 *
 * @example
 * const validator = new HttpValidator({
 *   provider: "example",
 *   url: "https://api.example.org/v1/me",
 *   headers: (key) => ({ authorization: `Bearer ${key}` }),
 *   isRefusal: (status, body) => status === 401 && body.includes("invalid_key"),
 * });
 * await data.vault.validate({ validators: [validator] });
 */
export class HttpValidator implements KeyValidator {
  public readonly provider: string;

  /** @throws AppDataError KEY015 for an address without HTTPS that is not on this machine. */
  constructor(private readonly args: HttpValidatorArgs) {
    this.provider = args.provider;
    const { protocol, hostname } = new URL(args.url);
    if (protocol === "https:" || (protocol === "http:" && LOOPBACK.test(hostname))) return;
    throw new AppDataError(
      "KEY015",
      `The validator of ${shown(args.provider)} has the address ${shown(args.url)}, and has to have ` +
        "one with https: an API key would be readable on its way.",
    );
  }

  /**
   * As {@link KeyValidator.check}.
   * @throws AppDataError KEY012 for a secret that was released; whatever fetch throws; an Error where the
   * provider answers with 429 or 500 and above.
   *
   * @example
   * const secret = await data.vault.get(userId, "openai");
   * const verdict = await openAiValidator().check(secret, AbortSignal.timeout(10_000));
   */
  async check(secret: Secret, signal: AbortSignal): Promise<Verdict> {
    const headers = sendable(this.args.headers(secret.reveal()));
    if (headers === undefined) return "undecided";
    const response = await fetch(this.args.url, { headers, redirect: "error", signal });
    const body = await readStart(response);
    const { ok, status } = response;
    if (ok) return "valid";
    if (this.args.isRefusal(status, body)) return "invalid";
    // As fetch does without an answer.
    if (status === 429 || status >= 500) {
      throw new Error(`${this.provider} answered with the status ${status}.`);
    }
    return "undecided";
  }
}

/** Another address than the provider's own: for tests. */
type Address = string | undefined;

/**
 * `GET /v1/models` of OpenAI: 401 with the code `invalid_api_key` is a key that is none. A good key that may
 * not list models is answered with 401, too, without a code; 403 is a country that is not served.
 *
 * @example
 * await data.vault.validate({ validators: [openAiValidator()] });
 */
export function openAiValidator(origin: Address = "https://api.openai.com"): HttpValidator {
  return new HttpValidator({
    provider: "openai",
    url: `${origin}/v1/models`,
    headers: (key) => ({ authorization: `Bearer ${key}` }),
    isRefusal: (status, body) => status === 401 && /"code":\s*"invalid_api_key"/.test(body),
  });
}

/**
 * `GET /v1/models` of Anthropic: 401 with an `authentication_error` is a key that is none; 403 one that may
 * not do this.
 *
 * @example
 * await data.vault.validate({ validators: [anthropicValidator()] });
 */
export function anthropicValidator(origin: Address = "https://api.anthropic.com"): HttpValidator {
  return new HttpValidator({
    provider: "anthropic",
    url: `${origin}/v1/models`,
    headers: (key) => ({ "x-api-key": key, "anthropic-version": "2023-06-01" }),
    isRefusal: (status, body) => status === 401 && /"type":\s*"authentication_error"/.test(body),
  });
}

/**
 * `GET /v1beta/models` of the Gemini API, which calls a key that is none a bad request with the reason
 * `API_KEY_INVALID`; 401 is a way of signing in that it does not take there, 403 a key that may not do this.
 *
 * @example
 * await data.vault.validate({ validators: [googleValidator()] });
 */
export function googleValidator(
  origin: Address = "https://generativelanguage.googleapis.com",
): HttpValidator {
  return new HttpValidator({
    provider: "google",
    url: `${origin}/v1beta/models`,
    headers: (key) => ({ "x-goog-api-key": key }),
    isRefusal: (status, body) => status === 400 && /"reason":\s*"API_KEY_INVALID"/.test(body),
  });
}

/** Validators of the providers that the library knows: `openai`, `anthropic`, `google`. */
export const KNOWN_VALIDATORS: readonly KeyValidator[] = [
  openAiValidator(),
  anthropicValidator(),
  googleValidator(),
];

/** Undefined where fetch cannot send one: the error would quote the key, and is none of the provider's. */
function sendable(given: Record<string, string>): Headers | undefined {
  try {
    const headers = new Headers(given);
    headers.forEach((value, name) => validateHeaderValue(name, value));
    return headers;
  } catch {
    return undefined;
  }
}

/** The beginning of an answer; a provider cannot make us read without end. */
async function readStart(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    parts.push(part);
    length += part.length;
    if (length >= MOST_ANSWER_BYTES) break;
  }
  return Buffer.concat(parts).toString("utf8");
}
