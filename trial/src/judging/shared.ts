import type { Contract } from "@app-data/rules";
import type { Catalog } from "../rows/catalog";
import type { Fill } from "../rows/fill";
import type { HintReader } from "../rows/hints";
import type { Links } from "../rows/links";

/** What attempts are judged and findings are written with. */
export interface Shared {
  catalog: Catalog;
  contract: Contract;
  hints: HintReader;
  links: Links;
  fill: Fill;
}
