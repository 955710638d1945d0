import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Config } from "./config.ts";
import { type Layer, LayerBuilder, type LayerName, type Origin } from "./layer.ts";
import { mergeLayers } from "./merge-layers.ts";
import { configOfLayers } from "./parse-config.ts";
import { Problems } from "./problem.ts";

function layer(name: LayerName, set: (builder: LayerBuilder, origin: Origin) => void): Layer {
  const builder = new LayerBuilder();
  set(builder, name === "overlay" || name === "desired" ? { kind: name } : { kind: "file", place: { file: "f.yml", line: 1 } });
  return builder.build(name);
}

const global = (name: LayerName, key: string, value: unknown): Layer =>
  layer(name, (builder, origin) => builder.global.set(key, { value, origin }));
const inPath = (name: LayerName, key: string, value: unknown): Layer =>
  layer(name, (builder, origin) => builder.path("cam", origin).set(key, { value, origin }));

function loaded(layers: readonly Layer[]): Config {
  const { config } = configOfLayers(layers);
  assert.ok(config);
  return config;
}

describe("layers", () => {
  it("are merged with the later one winning, value by value", () => {
    const layers = [
      global("file", "readTimeout", 1),
      global("file", "writeTimeout", 2),
      global("overlay", "readTimeout", 3),
      global("desired", "writeTimeout", 4),
    ];
    const merged = mergeLayers(layers, new Problems());
    assert.deepEqual(merged.global.get("readTimeout"), { value: 3, origin: { kind: "overlay" } });
    assert.deepEqual(merged.global.get("writeTimeout"), { value: 4, origin: { kind: "desired" } });
    assert.deepEqual(merged.global.get("rtspAddress"), { value: ":8554", origin: { kind: "default" } });
  });

  it("add paths and settings of paths", () => {
    const config = loaded([inPath("file", "source", "rtsp://h/x"), inPath("overlay", "maxReaders", 4)]);
    assert.deepEqual([config.paths[0]!.settings.source, config.paths[0]!.settings.maxReaders], ["rtsp://h/x", 4]);
    assert.deepEqual(config.origins.get("paths.cam.maxReaders"), { kind: "overlay" });
    assert.equal(config.origins.get("paths.cam")?.kind, "file");
  });

  const refused: readonly (readonly [string, Layer])[] = [
    ["mqtt from the API", global("overlay", "mqtt.urls", ["mqtt://x"])],
    ["the profile from the NOC", global("desired", "profile", "appliance")],
    ["apiAllowHooks from the API", global("overlay", "apiAllowHooks", true)],
    ["a hook from the API", inPath("overlay", "runOnRead", "x")],
    ["a hook from the NOC", inPath("desired", "runOnInit", "x")],
    ["a global hook from the API", global("overlay", "runOnConnect", "x")],
    ["a source that starts a program from the API", inPath("overlay", "source", "ffmpeg://x")],
  ];
  for (const [what, above] of refused) {
    it(`refuses ${what}`, () => {
      const { config, problems } = configOfLayers([above]);
      assert.equal(config, undefined);
      assert.match(problems[0]!.message, /config file alone/);
    });
  }

  it("lets the API set hooks where the file says so, the NOC never", () => {
    const allowed = global("file", "apiAllowHooks", true);
    const problems = new Problems();
    const merged = mergeLayers([allowed, inPath("overlay", "runOnRead", "x")], problems);
    assert.equal(merged.paths.get("cam")?.get("runOnRead")?.value, "x");
    assert.equal(problems.hasErrors, false);
    mergeLayers([allowed, inPath("desired", "runOnRead", "x")], problems);
    assert.equal(problems.hasErrors, true);
  });
});
