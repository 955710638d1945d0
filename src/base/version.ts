// The gateway's version: package.json's, put into the bundle when it is built.
import { readFileSync } from "node:fs";

declare const CAMGATE_VERSION: string | undefined;

export const version: string = typeof CAMGATE_VERSION === "string" ? CAMGATE_VERSION : packageVersion();

function packageVersion(): string {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;
}
