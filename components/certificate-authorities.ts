import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { certificateAuthorities } from "@app-data/migrator/files";

/** Where the file goes, relative to the project, so that the state is the same on every machine. */
export const CERTIFICATE_AUTHORITIES_FILE = ".local/rds-certificate-authorities.pem";

/**
 * Writes the root certificates of RDS as PEM where the PostgreSQL provider reads them, unless they are
 * there. The migrator, whose connections they secure too, says which these are.
 *
 * @param file path relative to the working directory, which Pulumi sets to the project's.
 * @returns the path as given.
 */
export function writeCertificateAuthorities(file = CERTIFICATE_AUTHORITIES_FILE): string {
  const authorities = certificateAuthorities();
  if (existsSync(file) && readFileSync(file, "utf8") === authorities) return file;
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, authorities);
  return file;
}
