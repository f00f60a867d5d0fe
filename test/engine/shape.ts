/** What can stand in a place of a resource's arguments. */
export type Shape =
  | { readonly kind: "string" | "number" | "boolean" | "any" | "asset" }
  | { readonly kind: "list" | "map"; readonly element: Shape }
  | { readonly kind: "object"; readonly properties: ReadonlyMap<string, Property> };

/** A property of an object shape. */
export interface Property {
  readonly shape: Shape;
  readonly required: boolean;
}

/**
 * Says what of the arguments that a package declares would be misunderstood by the plugin: one
 * line a property, none when every one has the same name and shape there.
 */
export function differences(declared: Shape, understood: Shape, path: string): string[] {
  if (declared.kind === "any" || understood.kind === "any") return [];
  if (declared.kind === "object" && understood.kind === "object") {
    return [
      ...[...declared.properties].flatMap(([name, { shape }]) => {
        const property = understood.properties.get(name);
        if (property === undefined) return [`${path}.${name}: the plugin does not know it`];
        return differences(shape, property.shape, `${path}.${name}`);
      }),
      ...[...understood.properties].flatMap(([name, { required }]) =>
        required && declared.properties.get(name)?.required !== true
          ? [`${path}.${name}: the plugin requires it, the package does not`]
          : [],
      ),
    ];
  }
  if (declared.kind !== understood.kind) {
    return [`${path}: ${declared.kind} in the package, ${understood.kind} in the plugin`];
  }
  if ("element" in declared && "element" in understood) {
    return differences(declared.element, understood.element, `${path}[]`);
  }
  return [];
}
