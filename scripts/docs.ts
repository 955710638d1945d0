// Writes what is generated from the code: the reference config, its JSON Schema, the table of settings, the settings in the API's document, and the MQTT contract.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { writeConfigDocs } from "#config/write-config-docs.ts";
import { writeJsonSchema } from "#config/write-json-schema.ts";
import { withConfigSchemas } from "#config/write-openapi-schemas.ts";
import { writeReferenceYaml } from "#config/write-reference-yaml.ts";
import { writeAsyncApi, writeJsonSchemas } from "#fleet/contract/write-contract.ts";

const root = new URL("../", import.meta.url);
writeFileSync(new URL("config/camgate.yml", root), writeReferenceYaml());
writeFileSync(new URL("config/camgate.schema.json", root), writeJsonSchema());
writeFileSync(new URL("docs/config.md", root), writeConfigDocs());
const openApi = new URL("docs/openapi.yaml", root);
writeFileSync(openApi, withConfigSchemas(readFileSync(openApi, "utf8")));
const schemas = new URL("docs/mqtt/schemas/", root);
rmSync(schemas, { recursive: true, force: true });
mkdirSync(schemas, { recursive: true });
for (const [name, text] of writeJsonSchemas()) writeFileSync(new URL(name, schemas), text);
writeFileSync(new URL("docs/mqtt/asyncapi.yaml", root), writeAsyncApi());
