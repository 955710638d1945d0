// npm run build: the bundle in dist/. With the word `web`: only the pages, which is all that a gateway run from its sources needs.
import { dirname, join } from "node:path";
import { bundle } from "./bundle.ts";
import { bundleWeb } from "./bundle-web.ts";

const output = join(dirname(import.meta.dirname), "dist");
if (process.argv[2] === "web") await bundleWeb(join(output, "web"));
else process.stdout.write(`${await bundle(output)}\n`);
