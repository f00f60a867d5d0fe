/** A value is not of the shape that it has to have. */
export class ShapeError extends Error {
  public override readonly name = "ShapeError";

  constructor(
    /** Where in the value, as `tables[3].name`. */
    public readonly path: string,
    /** What had to stand there. */
    public readonly required: string,
  ) {
    super(`${path} is not ${required}`);
  }
}

/** Reads a value of one shape. @throws ShapeError for any other. */
export type Decoder<T> = (value: unknown, path: string) => T;

/** What a decoder reads. */
export type Decoded<D> = D extends Decoder<infer T> ? T : never;

type Fields = Record<string, Decoder<unknown>>;
type Shaped<F extends Fields> = {
  [K in keyof F as undefined extends Decoded<F[K]> ? never : K]: Decoded<F[K]>;
} & { [K in keyof F as undefined extends Decoded<F[K]> ? K : never]?: Decoded<F[K]> };

export const string: Decoder<string> = (value, path) => {
  if (typeof value !== "string") throw new ShapeError(path, "a string");
  return value;
};

/** A string that is not empty. */
export const text: Decoder<string> = (value, path) => {
  if (string(value, path) === "") throw new ShapeError(path, "a string that is not empty");
  return string(value, path);
};

export const boolean: Decoder<boolean> = (value, path) => {
  if (typeof value !== "boolean") throw new ShapeError(path, "true or false");
  return value;
};

/** One of some values. */
export function oneOf<const T extends string | boolean>(...allowed: T[]): Decoder<T> {
  return (value, path) => {
    const found = allowed.find((candidate) => candidate === value);
    if (found === undefined) throw new ShapeError(path, `one of ${allowed.join(", ")}`);
    return found;
  };
}

/** Null, which some encodings leave out. */
export function nullable<T>(decode: Decoder<T>): Decoder<T | null> {
  return (value, path) => (value === undefined || value === null ? null : decode(value, path));
}

/** A field that may be absent. */
export function optional<T>(decode: Decoder<T>): Decoder<T | undefined> {
  return (value, path) => (value === undefined ? undefined : decode(value, path));
}

/** A list of values of one shape. */
export function list<T>(decode: Decoder<T>): Decoder<T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new ShapeError(path, "a list");
    return value.map((item, index) => decode(item, `${path}[${index}]`));
  };
}

/** An object of these fields; others are left out. */
export function object<F extends Fields>(fields: F): Decoder<Shaped<F>> {
  const decoders = Object.entries(fields);
  return (value, path) => {
    if (typeof value !== "object" || value === null) {
      throw new ShapeError(path || "value", "an object");
    }
    const read: Record<string, unknown> = {};
    for (const [key, decode] of decoders) {
      const decoded = decode(Reflect.get(value, key), path === "" ? key : `${path}.${key}`);
      if (decoded !== undefined) read[key] = decoded;
    }
    // Each field was read by a decoder that throws where it is missing.
    return read as Shaped<F>;
  };
}

/** The name of a table or function, as the catalog holds it: case kept, no quotes. */
export interface ObjectName {
  schema: string;
  name: string;
}

export const objectName: Decoder<ObjectName> = object({ schema: text, name: text });
