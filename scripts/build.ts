// npm run build: the bundle in dist/.
import { dirname, join } from "node:path";
import { bundle } from "./bundle.ts";

process.stdout.write(`${await bundle(join(dirname(import.meta.dirname), "dist"))}\n`);
