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
export { addReading, readCatalog } from "./read-catalog";
export { CatalogReading, type CatalogStep } from "./reading";
export { schemaOf } from "./schema";
export { type CatalogReadOptions, withCatalog } from "./with-catalog";
