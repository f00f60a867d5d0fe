import { awsReasonOf } from "./aws-reason";
import type { ConnectionSettings } from "./settings";
import type { IamCredentials } from "./settings";
import { CODES, MigratorError } from "../errors";
import { regionOfInstance } from "./instance-region";

/**
 * Signs a token that RDS takes in place of a password for 15 minutes. It names the instance's own
 * address, which RDS compares, whatever tunnel the connection takes. Nothing is sent to AWS.
 * @throws MigratorError MIG031 without TLS, over which alone RDS takes a token, and when there are no
 * AWS credentials or no region to sign with.
 */
export async function signToken(
  { host, port, user, tls, transport }: ConnectionSettings,
  { region, instancePort }: IamCredentials,
): Promise<string> {
  if (tls.mode !== "verify-full") {
    throw new MigratorError(
      CODES.noIamToken,
      `IAM authentication to ${host}:${port} needs TLS that verifies the server. A token is as good as a ` +
        "password for 15 minutes: verify the server's certificate (tls.mode verify-full).",
    );
  }
  // Loaded when it is needed: a run that logs in with a password must not wait for it.
  const { Signer } = await import("@aws-sdk/rds-signer");
  const tunnelRegion = transport?.kind === "tunnel" ? transport.region : undefined;
  const signer = new Signer({
    hostname: tls.serverName,
    port: instancePort ?? port,
    username: user,
    ...definedRegion(region ?? regionOfInstance(tls.serverName) ?? tunnelRegion),
  });
  try {
    return await signer.getAuthToken();
  } catch (cause) {
    throw new MigratorError(
      CODES.noIamToken,
      `Could not sign a token for ${user} at ${tls.serverName}: ${awsReasonOf(cause)}. Signing needs AWS ` +
        "credentials in the environment (a profile, a role or AWS_ACCESS_KEY_ID) and the instance's region.",
      { cause },
    );
  }
}

function definedRegion(region: string | undefined): { region?: string } {
  return region === undefined ? {} : { region };
}
