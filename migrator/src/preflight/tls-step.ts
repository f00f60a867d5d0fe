import type { Socket } from "node:net";
import { type TLSSocket, connect } from "node:tls";
import type { ConnectionSettings, EncryptedTls } from "../database/settings";
import { authorities } from "../database/connection";
import { UNCHECKED } from "../database/environment-url";
import { reasonOf } from "../database/server-error";
import { MigratorError } from "../errors";
import { askForTls, dial } from "../database/transports/server-probe";
import type { Finding } from "./finding";

const TLS_MS = 4_000;
const OTHER_NAME = "ERR_TLS_CERT_ALTNAME_INVALID";

/** Whether PostgreSQL answers, offers TLS, and proves with its certificate who it is. */
export async function checkTls(
  { tls }: ConnectionSettings,
  address: { host: string; port: number },
): Promise<Finding> {
  let socket;
  try {
    socket = await dial(address, TLS_MS);
    const answer = await askForTls(socket, TLS_MS);
    if (tls.mode === "disable") {
      return { detail: `PostgreSQL answers; TLS is ${answer}, and off by the settings` };
    }
    if (answer === "not offered") {
      return {
        detail: "PostgreSQL answers, and does not offer TLS",
        remedy: "RDS always offers it: is this the right server? Its own setting is ssl = on.",
      };
    }
    const ca = await authorities(tls);
    return judgeCertificate(await handshake(socket, tls, ca), tls);
  } catch (error) {
    if (error instanceof MigratorError) return { detail: "no authorities", remedy: error.message };
    return {
      detail: `no PostgreSQL server answers: ${reasonOf(error)}`,
      remedy: "Is it the database's port? A port-forward can be open while its far end is closed.",
    };
  } finally {
    socket?.destroy();
  }
}

/** The handshake, also with a server that cannot prove who it is: the result says which. */
function handshake(
  socket: Socket,
  { serverName }: EncryptedTls,
  ca: string | undefined,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const trusted = ca === undefined ? {} : { ca };
    const secured = connect({
      socket,
      ...trusted,
      servername: serverName,
      rejectUnauthorized: false,
    });
    const timer = setTimeout(
      () => secured.destroy(new Error(`no TLS handshake within ${TLS_MS / 1000} s`)),
      TLS_MS,
    );
    secured.once("error", reject).once("close", () => clearTimeout(timer));
    secured.once("secureConnect", () => resolve(secured));
  });
}

function judgeCertificate(
  secured: TLSSocket,
  { mode, serverName, authoritiesFile }: EncryptedTls,
): Finding {
  const certificate = secured.getPeerCertificate();
  const { subject, issuer, valid_from, valid_to } = certificate;
  if (mode === "require") {
    return { detail: `${secured.getProtocol()}; ${UNCHECKED}` };
  }
  // Of a certificate's failure Node.js gives the code, though it is declared as an error.
  const reason = String(secured.authorizationError);
  if (mode === "verify-ca" && (secured.authorized || reason === OTHER_NAME)) {
    return { detail: `${secured.getProtocol()}; ${issuer.CN} has signed the certificate` };
  }
  if (secured.authorized) {
    return {
      detail: `${secured.getProtocol()}; ${serverName} proves who it is, until ${valid_to}`,
    };
  }
  switch (reason) {
    case OTHER_NAME:
      return {
        detail: `the certificate is for ${certificate.subjectaltname ?? subject.CN}, not for ${serverName}`,
        remedy: "Use the instance's own endpoint as its name, also when a tunnel is dialled.",
      };
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return {
        detail: `the certificate is valid from ${valid_from} to ${valid_to}`,
        remedy:
          "Look at this machine's clock; renew the certificate with aws rds modify-db-instance " +
          "--ca-certificate-identifier rds-ca-rsa2048-g1.",
      };
    default:
      return {
        detail: `the certificate is signed by ${issuer.CN}, whom nobody vouches for (${reason})`,
        remedy: authoritiesFile
          ? `${authoritiesFile} must hold the authority that signed it.`
          : "RDS signs with its own authorities: something else answers here, or another authority must be named (authoritiesFile).",
      };
  }
}
