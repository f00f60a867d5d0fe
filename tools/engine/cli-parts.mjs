// Cuts out of the Pulumi CLI what takes long to compile and is not used here: clouds other than AWS,
// and the commands that describe the API of Pulumi Cloud.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

/** @param {string} root The copy of `github.com/pulumi/pulumi/pkg/v3`. */
export function trimCli(root) {
  // State in buckets of Google and Azure.
  edit(path.join(root, "backend/diy/backend.go"), (text) =>
    cut(
      withoutLines(text, /^\t(_ )?"gocloud.dev\/blob\/(azure|gcs)blob"|v3\/authhelpers"$/),
      "\t// for gcp we want",
      "\tbucket, err := blobmux.OpenBucket",
    ),
  );
  // Secrets under keys of Google, Azure and Vault.
  edit(path.join(root, "secrets/cloud/manager.go"), (text) =>
    cut(
      withoutLines(
        text,
        /^\t(_ )?"gocloud.dev\/secrets\/(azurekeyvault|gcpkms|hashivault)"|cloudkms\/v1"$|v3\/authhelpers"$/,
      ),
      "\tcase gcpkms.Scheme:",
      "\tdefault:",
    ),
  );
  // `pulumi api`, and those that call it. Of its package others need the error that it ends with.
  edit(path.join(root, "cmd/pulumi/pulumi.go"), (text) =>
    withoutLines(
      text,
      /\/cmd\/pulumi\/(cloud|insights|org)"$|^\t+(cloud|insights|org)\.New\w+\(\),$/,
    ),
  );
  const api = path.join(root, "cmd/pulumi/cloud");
  for (const file of readdirSync(api)) {
    if (file !== "envelope.go") rmSync(path.join(api, file), { recursive: true });
  }
  edit(path.join(api, "envelope.go"), (text) => withoutLines(text, /\[\]ParamSpec/));
}

/**
 * @param {string} text
 * @param {RegExp} pattern
 */
function withoutLines(text, pattern) {
  return text
    .split("\n")
    .filter((line) => !pattern.test(line))
    .join("\n");
}

/**
 * Takes out what stands from one text up to another.
 * @param {string} text
 * @param {string} from
 * @param {string} to
 */
function cut(text, from, to) {
  const start = text.indexOf(from);
  const end = text.indexOf(to, start);
  if (start < 0 || end < 0) throw new Error(`the CLI has no ${from} … ${to} to be cut out`);
  return text.slice(0, start) + text.slice(end);
}

/**
 * @param {string} file
 * @param {(text: string) => string} change
 */
function edit(file, change) {
  writeFileSync(file, change(readFileSync(file, "utf8")));
}
