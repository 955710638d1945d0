// MediaMTX's own reference config, where it is at hand: our defaults are its defaults.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { mediamtxGlobalSections } from "./global-settings.table.ts";
import { parseConfig } from "./parse-config.ts";
import { mediamtxPathSections } from "./path-settings.table.ts";

const reference = new URL("../../../shared/fixtures/mediamtx-v1.20.1.yml", import.meta.url);
const skip = existsSync(reference) ? false : "the reference config of MediaMTX is not at hand";

const globalNames = mediamtxGlobalSections.flatMap((section) => Object.keys(section.settings));
const pathNames = mediamtxPathSections.flatMap((section) => Object.keys(section.settings));

it("MediaMTX has 120 global settings and 91 of paths", () => {
  assert.equal(globalNames.length, 120);
  assert.equal(pathNames.length, 91);
});

describe("MediaMTX's reference config", { skip }, () => {
  it("loads without a word and equals our defaults", () => {
    const { config, problems } = parseConfig(readFileSync(reference, "utf8"), "mediamtx.yml", {});
    const defaults = parseConfig("", "", {}).config!;
    assert.deepEqual(problems, []);
    assert.deepEqual(config?.global, defaults.global);
    assert.deepEqual(config?.pathDefaults, defaults.pathDefaults);
    assert.deepEqual(
      config?.paths.map(({ name, kind }) => [name, kind]),
      [["all_others", "catch-all"]],
    );
  });

  it("names every setting that we count as MediaMTX's", () => {
    const { config } = parseConfig(readFileSync(reference, "utf8"), "mediamtx.yml", {});
    const keys = readFileSync(reference, "utf8")
      .match(/^( {2})?[a-zA-Z0-9]+(?=:)/gm)!
      .map((key) => key.trim());
    const missing = [...globalNames, ...pathNames].filter((name) => name !== "name" && !keys.includes(name));
    assert.deepEqual(missing, []);
    assert.ok(config);
  });
});
