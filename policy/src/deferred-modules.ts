import Module, { createRequire } from "node:module";
import path from "node:path";

// Walks a project's npm packages, to send a function with all that it uses into the cloud.
const PACKAGE_TREE = "@npmcli/arborist";

/**
 * Puts off what @pulumi/pulumi loads for programs and no pack needs: it is a third of the pack's start.
 * Asked for after all, it is loaded then. To be called before @pulumi/policy is imported.
 */
export function deferPackageTree(): void {
  const load = createRequire(__filename);
  const sdk = path.dirname(load.resolve("@pulumi/pulumi/package.json"));
  const file = resolve(load, sdk);
  if (file === undefined || load.cache[file]) return;
  const deferred = new Module(file);
  deferred.loaded = true;
  deferred.exports = {
    __esModule: true,
    get Arborist(): unknown {
      Reflect.deleteProperty(load.cache, file);
      const loaded: unknown = load(file);
      return Reflect.get(Object(loaded), "Arborist");
    },
  };
  load.cache[file] = deferred;
}

/** Undefined where a version of @pulumi/pulumi does without it. */
function resolve(load: NodeJS.Require, from: string): string | undefined {
  try {
    return load.resolve(PACKAGE_TREE, { paths: [from] });
  } catch {
    return undefined;
  }
}

deferPackageTree();
