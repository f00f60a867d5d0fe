import type { TokenSettingsInputs } from "@app-data/migrator";
import type * as pulumi from "@pulumi/pulumi";
import { MigratorResource } from "./migrator-resource";

/** Inputs of {@link TokenSettings}. */
export type TokenSettingsArgs = {
  [Key in keyof TokenSettingsInputs]: pulumi.Input<TokenSettingsInputs[Key]>;
};

/**
 * The row of `auth.token_settings`: which signed tokens the database believes, and whether it believes
 * anything else. The key is read from its secret by the provider, and is no input. With `none` there is no
 * row, and `auth.uid()` believes the claims of a request: whatever row another life of the stack left.
 */
export class TokenSettings extends MigratorResource {
  constructor(name: string, args: TokenSettingsArgs, opts?: pulumi.CustomResourceOptions) {
    super("TokenSettings", name, args, opts);
  }
}
