import * as pulumi from "@pulumi/pulumi";

/** One value of the stack's configuration that breaks a rule, told as `CODE key = value: rule`. */
type Problem = { readonly key: string; readonly line: string };

/** A form that text has to have, and the sentence that tells it. */
export interface Form {
  /** What the whole text matches. */
  readonly pattern: RegExp;
  /** The form in words, after "must be". */
  readonly words: string;
}

/** Thrown once for all the rules that a stack's configuration breaks; its message has a line for each. */
export class ConfigError extends pulumi.RunError {}

/**
 * Reads typed values of one namespace by their dotted keys and gathers what is wrong with them instead of stopping at the
 * first. A value that cannot be read yields a stand-in; {@link finish} throws before it can be used.
 */
export class ConfigReader {
  private readonly problems: Problem[] = [];
  private readonly known = new Set<string>();

  constructor(private readonly config: pulumi.Config) {}

  /** Whole number from `least` to `most`, both included. */
  integer(key: string, least: number, most: number): number {
    const value = this.text(key);
    if (!/^-?\d{1,15}$/.test(value)) {
      this.reject("CFG003", key, "must be a whole number");
      return least;
    }
    const number = Number(value);
    if (number < least || number > most) {
      this.reject("CFG004", key, `must be from ${least} to ${most}`);
    }
    return number;
  }

  /** List of one or more such numbers, none of them twice. */
  integers(key: string, least: number, most: number): readonly [number, ...number[]] {
    const items = parseJson(this.text(key));
    const isInRange = (item: unknown): item is number =>
      typeof item === "number" && Number.isInteger(item) && least <= item && item <= most;
    if (!Array.isArray(items) || !items.every(isInRange)) {
      this.reject("CFG003", key, `must be a list of whole numbers from ${least} to ${most}`);
      return [least];
    }
    const [first, ...others] = new Set(items);
    if (first === undefined || others.length + 1 < items.length) {
      this.reject("CFG005", key, "must have one number or more, and each once");
    }
    return [first ?? least, ...others];
  }

  /** `true` or `false`. */
  boolean(key: string): boolean {
    const value = this.text(key);
    if (value !== "true" && value !== "false") this.reject("CFG003", key, "must be true or false");
    return value === "true";
  }

  /** Text of a form; without a form, any text. */
  text(key: string, form?: Form): string {
    this.known.add(key);
    const value = this.find(key);
    if (value === undefined) {
      this.reject("CFG001", key, "must be set; Pulumi.yaml says what it means");
      return "";
    }
    if (form && !form.pattern.test(value)) this.reject("CFG005", key, `must be ${form.words}`);
    return value;
  }

  /** List of texts that each have the form. */
  list(key: string, form: Form): readonly string[] {
    const items = parseList(this.text(key));
    if (!items) {
      this.reject("CFG003", key, "must be a list of texts");
      return [];
    }
    const wrong = items.find((item) => !form.pattern.test(item));
    if (wrong !== undefined) {
      this.reject("CFG005", key, `each must be ${form.words}; "${wrong}" is not`);
    }
    return items;
  }

  /** One of a few texts. */
  oneOf<Text extends string>(key: string, choices: readonly [Text, ...Text[]]): Text {
    const value = this.text(key);
    const choice = choices.find((each) => each === value);
    if (choice === undefined) this.reject("CFG005", key, `must be one of ${choices.join(", ")}`);
    return choice ?? choices[0];
  }

  /** Records that a value breaks a rule unless it holds; a value already found wrong is told once only. */
  demand(code: string, key: string, holds: boolean, rule: string): void {
    if (!holds) this.reject(code, key, rule);
  }

  /**
   * Ends the reading: every other key of the namespace is a mistake, most often a misspelt one.
   *
   * @throws {@link ConfigError} with one line for each rule broken.
   */
  finish(): void {
    for (const { key, isFlat } of this.givenKeys()) {
      if (isFlat) {
        this.reject(
          "CFG002",
          key,
          "must be nested: set it with --path, or for one run --config-path",
        );
      }
      if (this.known.has(key)) continue;
      this.reject(
        "CFG002",
        key,
        "must be a key that Pulumi.yaml declares, spelt and nested as there",
      );
    }
    if (this.problems.length === 0) return;
    const lines = this.problems.map((problem) => problem.line);
    const counted = lines.length === 1 ? "1 rule" : `${lines.length} rules`;
    throw new ConfigError(
      `The configuration of stack ${pulumi.getStack()} breaks ${counted}. Change ` +
        `Pulumi.${pulumi.getStack()}.yaml, then run the command again:\n  ${lines.join("\n  ")}`,
    );
  }

  /** The text of a value: itself, or its JSON. */
  private find(key: string): string | undefined {
    const [first = "", second] = key.split(".");
    const text = this.config.get(first);
    if (text === undefined || second === undefined) return text;
    const value = parseObject(text)?.[second];
    return value === undefined || typeof value === "string" ? value : JSON.stringify(value);
  }

  /** Flat is a dotted key that was set as it stands: nothing reads it. */
  private givenKeys(): { key: string; isFlat: boolean }[] {
    const prefix = `${this.config.name}:`;
    return Object.entries(pulumi.runtime.allConfig())
      .filter(([full]) => full.startsWith(prefix))
      .flatMap(([full, text]) => {
        const key = full.slice(prefix.length);
        const object = this.known.has(key) ? undefined : parseObject(text);
        return object
          ? Object.keys(object).map((inner) => ({ key: `${key}.${inner}`, isFlat: false }))
          : [{ key, isFlat: key.includes(".") }];
      });
  }

  private reject(code: string, key: string, rule: string): void {
    if (this.problems.some((problem) => problem.key === key)) return;
    const value = this.config.get(key) ?? this.find(key) ?? "(not set)";
    const line = `${code} ${this.config.name}:${key} = ${value === "" ? '""' : value}: ${rule}`;
    this.problems.push({ key, line });
  }
}

function parseList(text: string): string[] | undefined {
  const items = parseJson(text);
  const isText = (item: unknown): item is string => typeof item === "string";
  return Array.isArray(items) && items.every(isText) ? items : undefined;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  const value = parseJson(text);
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? { ...value } : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
