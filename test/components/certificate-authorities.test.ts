import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { writeCertificateAuthorities } from "../../components/certificate-authorities";

describe("writeCertificateAuthorities", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), "authorities-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it("writes roots of RDS that are valid today, and no others", () => {
    const file = writeCertificateAuthorities(path.join(folder, "new", "file.pem"));
    const blocks = readFileSync(file, "utf8").split(/(?<=-----END CERTIFICATE-----\n)/);
    const certificates = blocks.map((block) => new X509Certificate(block));
    const names = certificates.map(({ subject }) => /^CN=(.*)$/m.exec(subject)?.[1]);
    expect(names).toContain("Amazon RDS eu-central-1 Root CA RSA2048 G1");
    const others = certificates.filter(
      (each, i) =>
        !names[i]?.startsWith("Amazon RDS ") ||
        !each.verify(each.publicKey) ||
        Date.parse(each.validTo) < Date.now(),
    );
    expect(others.map(({ subject }) => subject)).toEqual([]);
    expect(new Set(names).size).toBe(certificates.length);
  });

  it("leaves a file alone that is right, and corrects one that is not", () => {
    const file = writeCertificateAuthorities(path.join(folder, "file.pem"));
    const before = statSync(file).mtimeMs;
    writeCertificateAuthorities(file);
    expect(statSync(file).mtimeMs).toBe(before);
    const right = readFileSync(file, "utf8");
    writeFileSync(file, "another authority");
    writeCertificateAuthorities(file);
    expect(readFileSync(file, "utf8")).toBe(right);
  });
});
