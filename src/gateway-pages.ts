// What the WebRTC server's port shows to browsers beside its signalling: the pages of streams, and the scripts that pages of others use.
import { fileURLToPath } from "node:url";
import { PageAssets } from "#http/page-assets.ts";
import type { HttpExchange } from "#http/server.ts";
import { StreamPages } from "#protocols/webrtc/pages.ts";
import type { GatewayContext } from "./gateway-context.ts";

/** Beside the bundle, beside its chunks, and where a gateway that is run from its sources has them built. */
const FOLDERS = ["web", "../web", "../dist/web"];
/** What a folder has where the pages are built. */
const BUILT = "player.js";

/** Read once, whatever servers come and go. */
let assets: PageAssets | undefined;

export function pagesOf({ registry }: Pick<GatewayContext, "registry">): (exchange: HttpExchange) => Promise<boolean> {
  assets ??= new PageAssets(
    FOLDERS.map((folder) => fileURLToPath(new URL(`${folder}/`, import.meta.url))),
    BUILT,
  );
  const streams = new StreamPages({ assets, registry });
  return async (exchange) => {
    await streams.serve(exchange);
    return true;
  };
}
