import type { providers } from "@app-data/migrator";
import * as pulumi from "@pulumi/pulumi";

/**
 * A resource that the migrator looks after, in Pulumi's process for dynamic resources. Of its provider the
 * state keeps one line, which is run years later, too: it loads the migrator by its name, so that no old
 * logic ever is. `pulumi.dynamic.Resource` would make the line out of an object, with a compiler that
 * takes longer to load than the rest of the program.
 */
export class MigratorResource extends pulumi.CustomResource {
  constructor(
    type: keyof typeof providers,
    name: string,
    props: pulumi.Inputs,
    opts?: pulumi.CustomResourceOptions,
  ) {
    const __provider = `exports.handler = () => require("@app-data/migrator").providers.${type};`;
    super(`pulumi-nodejs:dynamic/database:${type}`, name, { ...props, __provider }, opts);
  }
}
