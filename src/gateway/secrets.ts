// Takes the secrets of the config that runs out of what leaves the gateway.
import type { Config } from "#config/config.ts";
import { hideSecrets, secretValuesOf } from "#config/secret-values.ts";
import type { GatewayContext } from "./context.ts";

/** A function that knows those of now: they are looked for once for each config. */
export function secretHider(context: Pick<GatewayContext, "config">): (text: string) => string {
  let known: { readonly config: Config; readonly secrets: readonly string[] } | undefined;
  return (text) => {
    const { config } = context;
    if (known?.config !== config) known = { config, secrets: secretValuesOf(config) };
    return hideSecrets(text, known.secrets);
  };
}
