import { type Environment, environments } from "@app-data/rules";

const PROJECT = "app-data";

/**
 * What the stack is for, from the configuration that the engine gives the pack. Without one
 * (`pulumi policy analyze` gives none) it is the most demanding, so that nothing is let off unseen.
 */
export function environmentOf(
  variables: Readonly<Record<string, string | undefined>>,
): Environment {
  const configured = configOf(variables["PULUMI_CONFIG"])[`${PROJECT}:environment`];
  return environments.find((each) => each === configured) ?? "prod";
}

// The text holds decrypted secrets, so an error must not quote it.
function configOf(text: string | undefined): Record<string, unknown> {
  try {
    const config: unknown = JSON.parse(text ?? "{}");
    return typeof config === "object" && config !== null ? { ...config } : {};
  } catch {
    return {};
  }
}
