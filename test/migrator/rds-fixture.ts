import {
  CreateDBInstanceCommand,
  CreateDBSnapshotCommand,
  DescribeDBSnapshotsCommand,
  RDSClient,
} from "@aws-sdk/client-rds";
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { type AddressInfo } from "node:net";

/** RDS as the emulator plays it, and what it cannot play: time that a snapshot takes, and refusals. */
export interface RdsFixture {
  /** Actions that were asked for, oldest first. */
  actions: string[];
  /** What becomes of a snapshot at each look, oldest first; then it is available. */
  progress: { status: string; percent: number }[];
  /** Refuses an action with what AWS says to it. */
  refuse(action: string, code: string, message: string): void;
  /** Makes an instance of the emulator. @returns its identifier. */
  createInstance(): Promise<string>;
  /** Makes a snapshot as a person does by hand. */
  createForeignSnapshot(instance: string, name: string): Promise<void>;
  /** The names of an instance's snapshots, ours or not, but for those of RDS itself. */
  snapshotsOf(instance: string): Promise<string[]>;
  close(): Promise<void>;
}

/** Puts itself between the migrator and the emulator, for RDS alone. */
export async function createRdsFixture(): Promise<RdsFixture> {
  const emulator = process.env["AWS_ENDPOINT_URL"] ?? "";
  const direct = new RDSClient({ endpoint: emulator });
  const actions: string[] = [];
  const progress: RdsFixture["progress"] = [];
  const refusals = new Map<string, string>();

  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks).toString();
      const parameters = new URLSearchParams(body);
      const action = parameters.get("Action") ?? "";
      actions.push(action);
      const refusal = refusals.get(action);
      if (refusal !== undefined) {
        response.writeHead(400, { "content-type": "text/xml" }).end(refusal);
        return;
      }
      const answer = await fetch(`${emulator}${request.url ?? "/"}`, {
        method: "POST",
        headers: request.headers as Record<string, string>,
        body,
      });
      let text = await answer.text();
      const looksAtOne = action === "DescribeDBSnapshots" && parameters.has("DBSnapshotIdentifier");
      const now = progress[0];
      if (action === "DescribeDBSnapshots" && now !== undefined) {
        // The emulator tells no progress at all.
        const { status, percent } = now;
        const state = `<Status>${status}</Status><PercentProgress>${percent}</PercentProgress>`;
        text = text.replaceAll("<Status>available</Status>", state);
        if (looksAtOne) progress.shift();
      }
      response.writeHead(answer.status, { "content-type": "text/xml" }).end(text);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  process.env["AWS_ENDPOINT_URL_RDS"] =
    `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    actions,
    progress,
    refuse(action, code, message) {
      refusals.set(
        action,
        `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
      );
    },
    async createInstance() {
      const identifier = `app-data-${randomBytes(4).toString("hex")}`;
      await direct.send(
        new CreateDBInstanceCommand({
          DBInstanceIdentifier: identifier,
          DBInstanceClass: "db.t4g.medium",
          Engine: "postgres",
          AllocatedStorage: 20,
          MasterUsername: "master",
          MasterUserPassword: randomBytes(12).toString("hex"),
          VpcSecurityGroupIds: ["sg-0123456789abcdef0"],
        }),
      );
      return identifier;
    },
    async createForeignSnapshot(instance, name) {
      await direct.send(
        new CreateDBSnapshotCommand({ DBInstanceIdentifier: instance, DBSnapshotIdentifier: name }),
      );
    },
    async snapshotsOf(instance) {
      const { DBSnapshots = [] } = await direct.send(
        new DescribeDBSnapshotsCommand({ DBInstanceIdentifier: instance, SnapshotType: "manual" }),
      );
      return DBSnapshots.map(({ DBSnapshotIdentifier = "" }) => DBSnapshotIdentifier).sort();
    },
    async close() {
      direct.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
