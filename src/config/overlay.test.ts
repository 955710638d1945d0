// The overlay: what changes make of it, what is left of it after an edit of the file, and its text.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seededRandom } from "#testing/mutate.ts";
import { combineOverlay } from "./combine-overlay.ts";
import type { Config } from "./config.ts";
import { decodeJsonSettings } from "./json-settings.ts";
import type { Layer } from "./layer.ts";
import {
  emptyOverlay,
  isEmptyOverlay,
  type Overlay,
  overlayOf,
  withoutField,
  withoutOutdated,
  withoutPath,
  withPath,
  withReplacedPath,
  withSettings,
} from "./overlay.ts";
import { isTooLarge, parseOverlay, writeOverlay } from "./overlay-file.ts";
import { configOfLayers, readLayers } from "./parse-config.ts";
import { Problems } from "./problem.ts";
import { showConfig } from "./show-config.ts";

const lowerOf = (text: string): readonly Layer[] => readLayers(text, "f.yml", {}).layers;

function settingsOf(body: unknown, scope: "global" | "pathDefaults" | "path") {
  const decoded = decodeJsonSettings(body, scope);
  assert.ok(!("fault" in decoded), JSON.stringify(decoded));
  return decoded;
}

const pathOf = (body: unknown) => settingsOf(body, "path").path;

function configOf(lower: readonly Layer[], overlay: Overlay): Config {
  const { config, problems } = configOfLayers([...lower, overlay.layer]);
  assert.ok(config !== undefined, JSON.stringify(problems));
  return config;
}

function parsed(text: string): Overlay {
  const problems = new Problems();
  const overlay = parseOverlay(text, "overlay.yml", problems);
  assert.ok(overlay !== undefined, JSON.stringify(problems.all));
  return overlay;
}

const FILE = "readTimeout: 20s\npaths:\n  gate: {source: rtsp://a/1, maxReaders: 3}\n  yard: {source: rtsp://b/1}\n";

describe("changes", () => {
  it("stand above file and environment, the rest shows through", () => {
    const lower = lowerOf(FILE);
    let overlay = withSettings(emptyOverlay, lower, settingsOf({ readTimeout: "5s", writeTimeout: "6s" }, "global"));
    overlay = withSettings(overlay, lower, settingsOf({ maxReaders: 7 }, "pathDefaults"));
    overlay = withPath(overlay, lower, "gate", pathOf({ source: "rtsp://c/1" }));
    overlay = withPath(overlay, lower, "new", pathOf({ record: true }));
    const { global, paths, origins } = configOf(lower, overlay);
    assert.deepEqual([global.readTimeout, global.writeTimeout], [5000, 6000]);
    const [gate, fresh, yard] = paths.map(({ settings }) => settings);
    assert.deepEqual([gate!.source, gate!.maxReaders], ["rtsp://c/1", 3]);
    assert.deepEqual([fresh!.source, fresh!.record, fresh!.maxReaders], ["publisher", true, 7]);
    assert.equal(yard!.maxReaders, 7);
    assert.deepEqual(origins.get("paths.gate.source"), { kind: "overlay" });
    assert.deepEqual(origins.get("paths.new"), { kind: "overlay" });
    assert.equal(origins.get("paths.gate")!.kind, "file");
  });

  it("take paths away and replace them, whoever named them", () => {
    const lower = lowerOf(FILE);
    const names = (overlay: Overlay): string[] => configOf(lower, overlay).paths.map(({ name }) => name);
    const gone = withoutPath(withPath(emptyOverlay, lower, "gate", pathOf({ record: true })), lower, "gate");
    assert.deepEqual(names(gone), ["yard"]);
    const back = withPath(gone, lower, "gate", pathOf({ maxReaders: 1 }));
    assert.equal(configOf(lower, back).paths[0]!.settings.source, "publisher", "what the file says of it is not taken");
    const replaced = withReplacedPath(emptyOverlay, lower, "gate", pathOf({ source: "rtsp://d/1" }));
    assert.equal(configOf(lower, replaced).paths[0]!.settings.maxReaders, 0);
    const own = withoutPath(withPath(emptyOverlay, lower, "own", pathOf({})), lower, "own");
    assert.ok(isEmptyOverlay(own));
    assert.deepEqual(own.said, new Map());
  });
});

describe("an edit of the file", () => {
  const change = (overlay: Overlay, lower: readonly Layer[]): Overlay => {
    const one = withSettings(overlay, lower, settingsOf({ readTimeout: "5s", writeTimeout: "6s" }, "global"));
    const two = withPath(one, lower, "gate", pathOf({ source: "rtsp://c/1", record: true }));
    return withPath(two, lower, "new", pathOf({ record: true }));
  };
  const droppedBy = (text: string, overlay = change(emptyOverlay, lowerOf(FILE))): readonly string[] =>
    withoutOutdated(overlay, lowerOf(text)).dropped;

  it("drops what it says something else of than it did, and nothing else", () => {
    assert.deepEqual(droppedBy(FILE), []);
    assert.deepEqual(droppedBy(`# a comment\n${FILE.replace("20s", "20000ms")}logLevel: debug\n`), []);
    assert.deepEqual(droppedBy(FILE.replace("20s", "21s")), ["readTimeout"]);
    assert.deepEqual(droppedBy(FILE.replace("readTimeout: 20s\n", "")), ["readTimeout"]);
    assert.deepEqual(droppedBy(`${FILE}writeTimeout: 6s\n`), ["writeTimeout"], "also where it says the same as the change");
    assert.deepEqual(droppedBy(FILE.replace("rtsp://a/1", "rtsp://a/2")), ["paths.gate.source"]);
    assert.deepEqual(droppedBy(`${FILE}  new: {record: no}\n`), ["paths.new.record"]);
  });

  it("that takes a path away takes its changes along; a path that the API made stays", () => {
    const overlay = change(emptyOverlay, lowerOf(FILE));
    const left = withoutOutdated(overlay, lowerOf("readTimeout: 20s\n"));
    assert.deepEqual(left.dropped, ["paths.gate"]);
    assert.deepEqual([...left.overlay.layer.paths.keys()], ["new"]);
    assert.deepEqual([...left.overlay.said.keys()], ["readTimeout"]);
  });

  it("of a path that was taken away or replaced brings it back", () => {
    const lower = lowerOf(FILE);
    const gone = withoutPath(emptyOverlay, lower, "gate");
    assert.deepEqual(droppedBy(FILE.replace("20s", "21s"), gone), []);
    assert.deepEqual(droppedBy(FILE.replace("maxReaders: 3", "maxReaders: 4"), gone), ["paths.gate"]);
    const replaced = withReplacedPath(emptyOverlay, lower, "gate", pathOf({ maxReaders: 9 }));
    assert.deepEqual(droppedBy(FILE.replace("rtsp://a/1", "rtsp://a/2"), replaced), ["paths.gate"]);
    assert.deepEqual(droppedBy(FILE.replace("maxReaders: 3", "maxReaders: 4"), replaced), ["paths.gate", "paths.gate.maxReaders"]);
  });
});

describe("the text", () => {
  it("reads as a config file, and comes back as it was", () => {
    const lower = lowerOf(FILE);
    let overlay = withSettings(
      emptyOverlay,
      lower,
      settingsOf({ readTimeout: "5s", ring: { syncPeriod: "3s" }, rtspTransports: ["tcp"] }, "global"),
    );
    overlay = withSettings(overlay, lower, settingsOf({ recordMaxPartSize: "10M", publishUser: "me" }, "pathDefaults"));
    overlay = withPath(overlay, lower, "~^cam(\\d)$", pathOf({ source: "rtsp://u:#p@h/$G1", sourceOnDemand: true, rpiCameraEV: -1.5 }));
    overlay = withPath(overlay, lower, "on", pathOf({}));
    overlay = withPath(
      withoutPath(overlay, lower, "gate"),
      lower,
      "yard",
      pathOf({ ringMaxSize: "5%", forward: [{ dest: "rtsp://x/y" }] }),
    );
    const text = writeOverlay(overlay);
    assert.match(text, /^readTimeout: 5s$/m);
    assert.match(text, /^ring:\n {2}syncPeriod: 3s$/m);
    assert.match(text, /^ {2}recordMaxPartSize: 10M$/m);
    assert.match(text, /^ {2}"on": \{\}$/m);
    assert.match(text, /^ {2}removedPaths: \[gate\]$/m);
    const again = parsed(text);
    assert.deepEqual(again, overlay);
    assert.equal(writeOverlay(again), text);
    assert.deepEqual(parsed(writeOverlay(emptyOverlay)), emptyOverlay);
    assert.deepEqual(parsed(""), emptyOverlay);
  });

  it("holds whatever text the API takes", () => {
    const random = seededRandom(7);
    const alphabet = [
      "a",
      " ",
      "\n",
      "\t",
      "\r",
      "#",
      ": ",
      "- ",
      "'",
      '"',
      "\\",
      "\u2028",
      "\u0085",
      "é",
      "😀",
      "%",
      "{",
      "|",
      "\u007f",
      "\u0001",
      "\ufeff",
      "~",
    ];
    for (let round = 0; round < 300; round++) {
      const value = Array.from({ length: random(12) }, () => alphabet[random(alphabet.length)]!).join("");
      const overlay = withPath(emptyOverlay, [], "cam", pathOf({ rpiCameraTextOverlay: value, recordPath: value }));
      assert.deepEqual(parsed(writeOverlay(overlay)), overlay, JSON.stringify(value));
    }
  });

  it("is never larger than what can be read again", () => {
    const many = (count: number, body: unknown): string => {
      const paths = new Map(Array.from({ length: count }, (_, i) => [`p${i}`, pathOf(body)]));
      return writeOverlay(overlayOf({ global: new Map(), pathDefaults: new Map(), paths, removedPaths: new Set() }, []));
    };
    assert.equal(isTooLarge(many(3000, { source: "rtsp://10.0.0.1/x", record: true })), false);
    assert.equal(isTooLarge(many(200, { rpiCameraTextOverlay: "x".repeat(60_000) })), true, "too many bytes");
    const dense = many(80_000, { maxReaders: 1, gopCache: false });
    assert.ok(dense.length < 8 * 2 ** 20);
    assert.equal(isTooLarge(dense), true, "too many words");
  });

  it("that is damaged is refused with the line, and never throws", () => {
    const faultsOf = (text: string): string => {
      const problems = new Problems();
      assert.equal(parseOverlay(text, "overlay.yml", problems), undefined);
      return problems.all.map(({ line, field }) => `${line} ${field}`).join();
    };
    assert.equal(faultsOf("readTimeout: 5s\nnonsense: 1\n"), "2 nonsense");
    assert.equal(faultsOf("overlay: []\n"), "1 overlay");
    assert.equal(faultsOf("overlay: {removed: []}\n"), "1 overlay");
    assert.match(faultsOf("a: {"), /^\d /);
    const text = writeOverlay(withPath(emptyOverlay, [], "cam", pathOf({ record: true })));
    for (let end = 0; end < text.length; end++) parseOverlay(text.slice(0, end), "overlay.yml", new Problems());
  });
});

describe("at a start", () => {
  it("what is wrong with it is left out, the rest holds", () => {
    const lower = lowerOf("playback: yes\n");
    let overlay = withPath(emptyOverlay, [], "good", pathOf({ maxReaders: 2 }));
    overlay = withPath(overlay, [], "bad", pathOf({ source: "nonsense", maxReaders: 2 }));
    overlay = withSettings(overlay, [], settingsOf({ recordPath: "./%path/%Y" }, "pathDefaults"));
    const combined = combineOverlay(lower, overlay);
    assert.deepEqual(
      combined.config!.paths.map(({ name, settings }) => [name, settings.source, settings.maxReaders]),
      [
        ["bad", "publisher", 2],
        ["good", "publisher", 2],
      ],
    );
    assert.equal(combined.refused.length, 2);
    assert.match(combined.refused.map(({ field }) => field).join(), /paths\.bad\.source/);
    assert.equal(combined.overlay.layer.pathDefaults.size, 0);
  });

  it("a file that is wrong by itself stays wrong", () => {
    const { config, problems } = combineOverlay(lowerOf("paths: {cam: {source: nonsense}}\n"), withPath(emptyOverlay, [], "x", pathOf({})));
    assert.equal(config, undefined);
    assert.equal(problems.find(({ severity }) => severity === "error")!.field, "paths.cam.source");
  });

  it("what starts a program is not taken from it, once the file does not allow it any more", () => {
    const overlay = withPath(emptyOverlay, [], "cam", pathOf({ runOnInit: "x", maxReaders: 1 }));
    assert.equal(combineOverlay(lowerOf("apiAllowHooks: yes\n"), overlay).config!.paths[0]!.settings.runOnInit, "x");
    const { config, refused } = combineOverlay(lowerOf(""), overlay);
    assert.equal(config!.paths[0]!.settings.runOnInit, "");
    assert.equal(refused.length, 1);
  });

  it("names a field that it does not have", () => {
    assert.equal(withoutField(emptyOverlay, "readTimeout"), undefined);
    assert.equal(withoutField(emptyOverlay, "paths.x.y"), undefined);
  });
});

it("a shown config tells of it", () => {
  const lower = lowerOf(FILE);
  const lines = showConfig(configOf(lower, withPath(emptyOverlay, lower, "gate", pathOf({ record: true }))), { origins: true });
  assert.ok(lines.includes("    record: true  # overlay"));
});
