// The pages of src/web as browsers get them: one script and one style sheet each, in a folder that the gateway serves from.
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { apiDocsPage } from "./api-docs-page.ts";

const ROOT = dirname(import.meta.dirname);
const WEB = join(ROOT, "src/web");
/** Browsers of 2021 and later: older ones lack what WebRTC pages need. */
const TARGET = ["chrome94", "firefox93", "safari15"];
const SCRIPTS = ["reader", "publisher", "player", "publish", "site"];
const STYLES = ["page", "site", "docs"];
const PAGES = ["player", "publish", "site"];

/** Writes the assets into `outputFolder`, which is emptied first. */
export async function bundleWeb(outputFolder: string): Promise<void> {
  await rm(outputFolder, { recursive: true, force: true });
  await mkdir(outputFolder, { recursive: true });
  await build({
    absWorkingDir: WEB,
    entryPoints: [...SCRIPTS.map((name) => `${name}.ts`), ...STYLES.map((name) => `${name}.css`)],
    outdir: outputFolder,
    bundle: true,
    minify: true,
    format: "iife", // reader.js and publisher.js are loaded by pages of others, as plain scripts
    target: TARGET,
    logLevel: "warning",
  });
  const openApi = await readFile(join(ROOT, "docs/openapi.yaml"), "utf8");
  await writeFile(join(outputFolder, "openapi.yaml"), openApi);
  await writeFile(join(outputFolder, "docs.html"), apiDocsPage(openApi));
  for (const name of PAGES) await copyFile(join(WEB, `${name}.html`), join(outputFolder, `${name}.html`));
}
