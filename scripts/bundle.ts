// The shipped form of the gateway: one entry, chunks that are loaded on first use, no node_modules. Runs on Node 20.15 and newer.
import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { bundleWeb } from "./bundle-web.ts";

const ROOT = dirname(import.meta.dirname);
const SHEBANG = "#!/usr/bin/env node\n";
// Bundled CommonJS packages call require() for Node's own modules; an ES module has none.
const REQUIRE_BANNER = 'import{createRequire as $createRequire}from"node:module";const require=$createRequire(import.meta.url);';

/** Writes `camgate.mjs`, its chunks and the pages into `outputFolder`, which is emptied first. Returns the path of the entry. */
export async function bundle(outputFolder: string, entry = join(ROOT, "src/main.ts")): Promise<string> {
  const manifest = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  await rm(outputFolder, { recursive: true, force: true });
  await build({
    absWorkingDir: ROOT,
    entryPoints: { camgate: entry },
    outdir: outputFolder,
    outExtension: { ".js": ".mjs" },
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    platform: "node",
    target: "node20.15",
    banner: { js: REQUIRE_BANNER },
    define: { CAMGATE_VERSION: JSON.stringify(manifest.version), CAMGATE_SUPPORT_UNTIL: JSON.stringify(manifest.supportUntil) },
    // Native parts stay packages: they are optional, and their binaries cannot be bundled.
    external: Object.keys(manifest.optionalDependencies ?? {}),
    logLevel: "warning",
  });
  await bundleWeb(join(outputFolder, "web"));
  const program = join(outputFolder, "camgate.mjs");
  const code = await readFile(program, "utf8");
  await writeFile(program, code.startsWith("#!") ? code : SHEBANG + code);
  await chmod(program, 0o755);
  return program;
}
