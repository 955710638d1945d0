// Pages, scripts and styles that servers of the gateway show to browsers: where they are.
import { fileURLToPath } from "node:url";
import { PageAssets } from "#http/page-assets.ts";

/** Beside the bundle, beside its chunks, and where a gateway that is run from its sources has them built. */
const FOLDERS = ["web", "../web", "../../dist/web"];
/** What a folder has where the pages are built. */
const BUILT = "player.js";
/** Read once, whatever servers come and go. */
let assets: PageAssets | undefined;

export function pageAssets(): PageAssets {
  assets ??= new PageAssets(
    FOLDERS.map((folder) => fileURLToPath(new URL(`${folder}/`, import.meta.url))),
    BUILT,
  );
  return assets;
}
