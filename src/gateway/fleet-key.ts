// When there is a link to a NOC, and what it depends on: apart from the link itself, which is loaded only then.
import type { Config } from "#config/config.ts";
import { globalSchema } from "#config/schema.ts";

/** Names in `mqtt`. */
const SETTINGS = [...globalSchema.values()].filter(({ effect }) => effect === "mqtt").map(({ name }) => name.replace(/^mqtt\./, ""));

export function hasLink({ global }: Config): boolean {
  return global.mqtt.urls.length > 0;
}

export function linkKey(config: Config): string | undefined {
  const { mqtt } = config.global;
  return hasLink(config) ? JSON.stringify(SETTINGS.map((name) => mqtt[name as keyof typeof mqtt])) : undefined;
}
