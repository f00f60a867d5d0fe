// The modules that are compiled from a copy: because what is needed of them is `internal`, or because
// most of what they compile is never used here.
import { rmSync } from "node:fs";
import { chmod, copyFile, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";

import { keptServices, trimRegistries } from "./aws-services.mjs";
import { trimCli } from "./cli-parts.mjs";
import { EngineError } from "./engine-error.mjs";
import { runGo } from "./go.mjs";

/**
 * @typedef {object} CopiedModule
 * @property {string} module Path and version.
 * @property {string} sum The checksum as go.sum has it.
 * @property {string[]} parts What is copied of it, but for tests.
 * @property {string} [shim] A Go file that makes its internal server public.
 * @property {(copy: string) => void} [trim] Takes out of the copy what is not needed.
 */

/** @type {Record<string, CopiedModule>} */
export const COPIED_MODULES = {
  "pulumi-pkg": {
    module: "github.com/pulumi/pulumi/pkg/v3@v3.259.0",
    sum: "h1:Zf4wiLmgdhTAyq5dtTVnNY26BjtGrJ85ZQYut2qG6xM=",
    parts: ["."],
    trim: trimCli,
  },
  "pulumi-terraform-bridge": {
    module: "github.com/pulumi/pulumi-terraform-bridge/v3@v3.137.0",
    sum: "h1:y9HaS9/ylx52g0Ur4uxgfCYCl9b7Q9/i9a6tJhdUJsY=",
    parts: ["pkg", "internal", "unstable", "go.mod"],
    // This file alone needs what writes schemas, documentation and code in six languages.
    trim: (copy) => rmSync(path.join(copy, "pkg/pf/tfbridge/provider_mux.go")),
  },
  "terraform-provider-random": {
    module:
      "github.com/terraform-providers/terraform-provider-random@v1.3.2-0.20260824155315-e1092b0cfc07",
    sum: "h1:yakGfLqiwKhy7LWdSwfaZuNV+ivDvxIY8UWbJ4iKsEU=",
    parts: ["internal", "go.mod"],
    shim: `package engineshim

import (
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/terraform-providers/terraform-provider-random/internal/provider"
)

func Server() func() tfprotov5.ProviderServer {
	return providerserver.NewProtocol5(provider.New())
}
`,
  },
  "terraform-provider-aws": {
    module: "github.com/hashicorp/terraform-provider-aws@v1.60.1-0.20260602190131-5f2286d6d836",
    sum: "h1:haLmsj0WF7e6d2TGbk0fbz5qWdA9f8w9sNpMe6J6WqM=",
    parts: ["internal", "names", "version", "go.mod"],
    shim: `package engineshim

import (
	"context"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-provider-aws/internal/provider"
)

func Server(ctx context.Context) (func() tfprotov5.ProviderServer, error) {
	server, _, err := provider.ProtoV5ProviderServerFactory(ctx)
	return server, err
}
`,
  },
};

/**
 * Puts the sources where the `replace` lines of `engine/go.mod` look for them.
 * @param {string} to The folder that `engine` is in, too.
 * @param {string} log
 * @throws {EngineError} ENG004 when a module cannot be downloaded, ENG005 when it is not the one
 * that this project was made with.
 */
export async function copyModules(to, log) {
  const modules = Object.entries(COPIED_MODULES).map(async ([name, copied]) => {
    const [modulePath = ""] = copied.module.split("@");
    const answer = await runGo(["mod", "download", "-json", copied.module], {
      cwd: to,
      log,
      // Its sum is checked below, so the checksum database, which may be out of reach, is not asked.
      environment: { GONOSUMDB: modulePath },
    });
    /** @type {{ Dir: string, Sum: string }} */
    const { Dir: from, Sum: sum } = JSON.parse(answer);
    checkSum(copied, sum);
    await copyModule(from, path.join(to, name), copied);
  });
  await Promise.all(modules);
}

/**
 * @param {Pick<CopiedModule, "module" | "sum">} copied
 * @param {string} found
 * @throws {EngineError} ENG005 when the sums differ.
 */
export function checkSum({ module, sum }, found) {
  if (found === sum) return;
  throw new EngineError(
    "ENG005",
    `${module} has the checksum ${found}, and ${sum} is required. The module cache or the module ` +
      "proxy holds something else under this name: find out why before you build. `go clean " +
      "-modcache` forgets what was downloaded.",
  );
}

/**
 * @param {string} from
 * @param {string} to
 * @param {CopiedModule} copied
 */
async function copyModule(from, to, { parts, shim, trim }) {
  const partial = `${to}.partial`;
  await rm(partial, { recursive: true, force: true });
  const aws = path.basename(to) === "terraform-provider-aws";
  const kept = aws ? keptServices(from) : undefined;
  for (const part of parts) {
    await copy(path.join(from, part), path.join(partial, part), (file) => {
      if (file.endsWith("_test.go") || path.basename(file) === "testdata") return false;
      const [, service] = /\/internal\/service\/([a-z0-9]+)$/.exec(file) ?? [];
      return kept === undefined || service === undefined || kept.services.has(service);
    });
  }
  if (kept) trimRegistries(partial, kept);
  trim?.(partial);
  if (shim) {
    await mkdir(path.join(partial, "engineshim"));
    await writeFile(path.join(partial, "engineshim/shim.go"), shim);
  }
  await rename(partial, to);
}

/**
 * Copies files so that they can be changed: those of the module cache are read-only.
 * @param {string} from
 * @param {string} to
 * @param {(from: string) => boolean} wanted
 */
async function copy(from, to, wanted) {
  const entries = await readdir(from, { withFileTypes: true }).catch((error) => {
    if (error.code === "ENOTDIR") return undefined;
    throw error;
  });
  if (entries === undefined) {
    await mkdir(path.dirname(to), { recursive: true });
    await copyFile(from, to);
    await chmod(to, 0o644);
    return;
  }
  for (const entry of entries) {
    const next = path.join(from, entry.name);
    if (wanted(next)) await copy(next, path.join(to, entry.name), wanted);
  }
}
