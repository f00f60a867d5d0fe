import { createHash } from "node:crypto";
import { type Catalog, type CatalogChanges, type Fact, canonicalJson } from "./objects";

const BUCKETS = 256;

/** The objects of one bucket, each with the SHA-256 of its key and fact. */
type Bucket = Map<string, Buffer>;

/** What changes make of the buckets and their digests. */
interface After {
  touched: Map<number, Bucket>;
  digests: Buffer[];
}

/** SHA-256 of everything that a catalog holds, hexadecimal; equal catalogs have equal digests. */
export function catalogDigest(catalog: Catalog): string {
  return new DigestTree(catalog).digest();
}

/**
 * The digest of a catalog that can follow its changes: objects are spread over buckets, and the digest
 * is made of those of the buckets, so that a change costs as much as it is large.
 */
export class DigestTree {
  private readonly buckets: Bucket[] = Array.from({ length: BUCKETS }, () => new Map());
  private digests: Buffer[];
  /** The changes that were digested last: most are taken over next. */
  private latest: { changes: CatalogChanges; result: After } | undefined;

  constructor(catalog: Catalog) {
    for (const [key, fact] of catalog) this.bucketOf(key).set(key, hashOf(key, fact));
    this.digests = this.buckets.map(hashOfBucket);
  }

  /** The digest, after changes where some are given; the tree stays as it is. */
  public digest(changes?: CatalogChanges): string {
    const digests = changes ? this.after(changes).digests : this.digests;
    return createHash("sha256").update(Buffer.concat(digests)).digest("hex");
  }

  /** Takes changes over. */
  public apply(changes: CatalogChanges): void {
    const { touched, digests } = this.after(changes);
    for (const [index, bucket] of touched) this.buckets[index] = bucket;
    this.digests = digests;
    this.latest = undefined;
  }

  private after(changes: CatalogChanges): After {
    if (this.latest?.changes === changes) return this.latest.result;
    const touched = new Map<number, Bucket>();
    for (const [key, fact] of Object.entries(changes)) {
      const index = indexOf(key);
      const bucket = touched.get(index) ?? new Map(this.bucketOf(key));
      if (fact === null) bucket.delete(key);
      else bucket.set(key, hashOf(key, fact));
      touched.set(index, bucket);
    }
    const digests = [...this.digests];
    for (const [index, bucket] of touched) digests[index] = hashOfBucket(bucket);
    this.latest = { changes, result: { touched, digests } };
    return this.latest.result;
  }

  private bucketOf(key: string): Bucket {
    const bucket = this.buckets[indexOf(key)];
    if (!bucket) throw new Error(`There is no bucket for ${key}.`);
    return bucket;
  }
}

function hashOf(key: string, fact: Fact): Buffer {
  return createHash("sha256")
    .update(`${key}\n${canonicalJson(fact)}`)
    .digest();
}

function hashOfBucket(bucket: Bucket): Buffer {
  const sorted = [...bucket.values()].sort(Buffer.compare);
  return createHash("sha256").update(Buffer.concat(sorted)).digest();
}

/** Any function of the key serves, so long as it is always the same: this is FNV-1a. */
function indexOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  }
  return (hash >>> 0) % BUCKETS;
}
