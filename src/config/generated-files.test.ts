import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { parseConfig } from "./parse-config.ts";
import { globalSchema, pathSchema } from "./schema.ts";
import { writeConfigDocs } from "./write-config-docs.ts";
import { writeJsonSchema } from "./write-json-schema.ts";
import { withConfigSchemas } from "./write-openapi-schemas.ts";
import { writeReferenceYaml } from "./write-reference-yaml.ts";

const committed = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

describe("generated files", () => {
  for (const [path, write] of [
    ["config/camgate.yml", writeReferenceYaml],
    ["config/camgate.schema.json", writeJsonSchema],
    ["docs/config.md", writeConfigDocs],
    ["docs/openapi.yaml", () => withConfigSchemas(committed("docs/openapi.yaml"))],
  ] as const) {
    it(`${path} is what the schema makes (npm run docs)`, () => assert.equal(committed(path), write()));
  }

  it("the reference loads without a word and says what holds without it", () => {
    const reference = parseConfig(writeReferenceYaml(), "camgate.yml", {});
    const nothing = parseConfig("", "camgate.yml", {});
    assert.deepEqual(reference.problems, []);
    assert.deepEqual(reference.config?.global, nothing.config?.global);
    assert.deepEqual(reference.config?.pathDefaults, nothing.config?.pathDefaults);
    const origins = [...reference.config!.origins].filter(
      ([field, origin]) => origin.kind === "default" && field !== "pathDefaults.name" && field !== "pathDefaults.fallback",
    );
    assert.deepEqual(origins, [], "every setting stands in the reference");
  });

  it("the schema for editors has every setting", () => {
    const schema = JSON.parse(writeJsonSchema());
    const { properties } = schema;
    for (const name of globalSchema.keys()) {
      const [group, key] = name.split(".");
      assert.ok(key === undefined ? properties[name] : properties[group!].properties[key], name);
    }
    for (const name of pathSchema.keys()) {
      assert.ok(schema.definitions.path.properties[name], name);
    }
  });
});
