export {
  type Catalog,
  type CatalogChanges,
  type Fact,
  type Json,
  applyChanges,
  canonicalJson,
  catalogChanges,
  equalJson,
  splitKey,
} from "./objects";
export { catalogDigest } from "./digest";
export { PRINTING, addReading, readCatalog } from "./read-catalog";
export { objectsOfKinds } from "./sql/catalog-query";
export { CatalogReading, type CatalogStep } from "./reading";
export { schemaOf } from "./schema";
export { type CatalogReadOptions, withCatalog } from "./with-catalog";
