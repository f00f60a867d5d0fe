/**
 * Stands in for a CommonJS module that is loaded at the first use of one of its members. Pulumi loads
 * the TypeScript compiler and npm's resolver wherever it is imported, which takes longer than most tests
 * of components, and uses them for dynamic resources alone.
 */
export function loadedWhenUsed(load: () => object): object {
  return new Proxy(
    {},
    { get: (_target, name) => name === "__esModule" || (Reflect.get(load(), name) as unknown) },
  );
}
