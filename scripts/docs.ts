// Writes what is generated from the code: the reference config, its JSON Schema, the table of settings, and the settings in the API's document.
import { readFileSync, writeFileSync } from "node:fs";
import { writeConfigDocs } from "#config/write-config-docs.ts";
import { writeJsonSchema } from "#config/write-json-schema.ts";
import { withConfigSchemas } from "#config/write-openapi-schemas.ts";
import { writeReferenceYaml } from "#config/write-reference-yaml.ts";

const root = new URL("../", import.meta.url);
writeFileSync(new URL("config/camgate.yml", root), writeReferenceYaml());
writeFileSync(new URL("config/camgate.schema.json", root), writeJsonSchema());
writeFileSync(new URL("docs/config.md", root), writeConfigDocs());
const openApi = new URL("docs/openapi.yaml", root);
writeFileSync(openApi, withConfigSchemas(readFileSync(openApi, "utf8")));
