// The config of a gateway that runs: changes and reloads in order, refused as a whole or taken as a whole, and kept through crashes.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deferred } from "#base/deferred.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { combineOverlay } from "./combine-overlay.ts";
import type { Config } from "./config.ts";
import type { Layer } from "./layer.ts";
import { LiveConfig, type LiveConfigOptions, NotKeptFault } from "./live-config.ts";
import { emptyOverlay } from "./overlay.ts";
import { parseOverlay } from "./overlay-file.ts";
import { readLayers } from "./parse-config.ts";
import { Problems } from "./problem.ts";

const NOON = new Date("2026-03-01T12:00:00Z");

class Rig {
  file: string;
  /** What is kept; undefined: nothing was written. */
  kept: string | undefined;
  readonly applied: Config[] = [];
  readonly log = collectedLog();
  /** What `apply` and `write` fail with. */
  applyError: Error | undefined;
  writeError: Error | undefined;
  readonly live: LiveConfig;

  constructor(file: string, options: Partial<LiveConfigOptions> & { readonly kept?: string } = {}) {
    this.file = file;
    this.kept = options.kept;
    const lower = readLayers(file, "camgate.yml", {}).layers;
    const overlay = options.kept === undefined ? emptyOverlay : parseOverlay(options.kept, "overlay.yml", new Problems())!;
    const combined = combineOverlay(lower, overlay);
    this.live = new LiveConfig({
      config: combined.config!,
      lower,
      overlay: combined.overlay,
      file: "camgate.yml",
      reread: () => ({ ...readLayers(this.file, "camgate.yml", {}), file: "camgate.yml" }),
      apply: async (config) => {
        if (this.applyError !== undefined) throw this.applyError;
        this.applied.push(config);
      },
      overlayFile: {
        path: "/data/overlay.yml",
        write: async (text) => {
          if (this.writeError !== undefined) throw this.writeError;
          this.kept = text;
        },
      },
      now: () => NOON,
      log: this.log,
      ...options,
    });
  }

  /** The same after a restart. */
  restarted(): Rig {
    return new Rig(this.file, this.kept === undefined ? {} : { kept: this.kept });
  }

  source(path: string): string | undefined {
    return this.live.entry(path)?.settings.source;
  }
}

const KEEPING = "apiPersist: yes\nreadTimeout: 20s\npaths:\n  gate: {source: rtsp://a/1}\n";

describe("changes over the API", () => {
  it("add, patch, replace and delete paths as MediaMTX does", async () => {
    const { live, applied } = new Rig(KEEPING);
    await live.addPath("new", { source: "rtsp://n/1", maxReaders: 2 });
    await assert.rejects(live.addPath("new", {}), { code: "invalid", message: "path already exists" });
    await assert.rejects(live.addPath("gate", {}), { message: "path already exists" });
    await live.patchPath("new", { maxReaders: 3 });
    assert.deepEqual([live.entry("new")!.settings.source, live.entry("new")!.settings.maxReaders], ["rtsp://n/1", 3]);
    await assert.rejects(live.patchPath("none", {}), { code: "not-found", message: "path not found" });
    await live.replacePath("new", { record: true });
    assert.deepEqual([live.entry("new")!.settings.source, live.entry("new")!.settings.record], ["publisher", true]);
    await live.replacePath("made", {});
    await live.deletePath("gate");
    await assert.rejects(live.deletePath("gate"), { code: "not-found", message: "path not found" });
    assert.deepEqual(
      live.config.paths.map(({ name }) => name),
      ["made", "new"],
    );
    assert.equal(applied.at(-1), live.config);
    assert.equal(applied.length, 5);
  });

  it("that are wrong by themselves or as a whole change nothing", async () => {
    const rig = new Rig(KEEPING);
    const { live } = rig;
    const before = live.config;
    const wrong: [Promise<void>, RegExp][] = [
      [live.addPath("x", { sorce: 1 }), /^json: unknown field "sorce"$/],
      [live.addPath("x", { source: "nonsense" }), /^paths\.x\.source: is neither publisher/],
      [live.addPath("a/../b", {}), /^paths\.a\/\.\.\/b: a path name cannot have/],
      [live.addPath("~(", {}), /^paths\.~\(: the regular expression/],
      [live.patchPath("gate", { sourceRedirect: "/x" }), /^paths\.gate\.sourceRedirect: is of use with source: redirect only/],
      [live.patchGlobal({ readTimeout: "0s" }), /^readTimeout: /],
      [live.patchPathDefaults({ recordPath: "x" }), /recordPath/],
    ];
    for (const [change, message] of wrong) await assert.rejects(change, { code: "invalid", message });
    rig.applyError = new Error("listen EADDRINUSE: address already in use :9997");
    await assert.rejects(live.patchGlobal({ apiAddress: ":9997" }), { code: "invalid", message: /address already in use/ });
    assert.equal(live.config, before);
    assert.deepEqual(rig.applied, []);
    assert.equal(rig.kept, undefined);
    assert.equal(live.status.overlay.hasChanges, false);
  });

  it("of one path leave the entries of all others as they are", async () => {
    const { live } = new Rig(KEEPING);
    await live.addPath("new", { record: true });
    const [gate, fresh] = ["gate", "new"].map((name) => live.entry(name));
    await live.patchPath("new", { maxReaders: 2 });
    assert.equal(live.entry("gate"), gate);
    assert.notEqual(live.entry("new"), fresh);
    await live.patchPathDefaults({ maxReaders: 9 });
    assert.deepEqual([live.entry("gate")!.settings.maxReaders, live.entry("new")!.settings.maxReaders], [9, 2]);
  });

  it("without anything in them disturb nobody", async () => {
    const rig = new Rig(KEEPING);
    await rig.live.patchPath("gate", {});
    await rig.live.patchGlobal({});
    assert.deepEqual([rig.applied.length, rig.kept], [0, undefined]);
  });

  it("of what only the file may set are refused, unless nothing changes or the file allows it", async () => {
    const hook = "    runOnInit: a\n";
    const { live } = new Rig(`paths:\n  gate:\n    source: publisher\n${hook}`);
    const refusal = { message: "runOnInit: it can be set in the config file alone; `apiAllowHooks: yes` there lets the API set it" };
    await assert.rejects(live.patchPath("gate", { runOnInit: "b" }), refusal);
    await assert.rejects(live.addPath("x", { runOnInit: "b" }), refusal);
    await assert.rejects(live.replacePath("gate", { runOnInit: "a" }), refusal, "it would not be the file's any more");
    await assert.rejects(live.patchPathDefaults({ runOnInit: "b" }), refusal);
    await assert.rejects(live.addPath("x", { source: "ffmpeg://a" }), { message: /^source: a source that starts a program can be set in/ });
    await assert.rejects(live.patchGlobal({ runOnConnect: "b" }), { message: /^runOnConnect: / });
    for (const body of [{ apiAllowHooks: true }, { apiPersist: true }, { profile: "appliance" }, { mqtt: { urls: ["mqtt://x"] } }]) {
      await assert.rejects(live.patchGlobal(body), { message: /can be set in the config file alone$/ });
    }
    await live.patchPath("gate", { runOnInit: "a", runOnDemand: "", maxReaders: 4 });
    await live.addPath("y", { runOnInit: "", runOnInitRestart: false });
    await live.patchGlobal({ apiAllowHooks: false, mqtt: { urls: [] }, readTimeout: "5s" });
    assert.equal(live.entry("gate")!.settings.runOnInit, "a");

    const allowed = new Rig("apiAllowHooks: yes\n").live;
    await allowed.addPath("x", { runOnInit: "b", source: "publisher" });
    await assert.rejects(allowed.patchGlobal({ profile: "appliance" }));
  });

  it("of a source are held to the source policy", async () => {
    const { live } = new Rig(KEEPING, {
      sourceFault: (source, { global }) => (global.sourcePolicy === "any" ? `no ${source}` : undefined),
    });
    await assert.rejects(live.addPath("x", { source: "rtsp://a" }), { message: "source: no rtsp://a" });
    await assert.rejects(live.patchPathDefaults({ source: "rtsp://a" }), { message: "source: no rtsp://a" });
    await live.addPath("x", {});
  });

  it("of what a higher layer holds are refused, and it is named", async () => {
    const desired: Layer = {
      ...readLayers("readTimeout: 5s\npaths: {held: {maxReaders: 3}}\n", "", {}).layers[0]!,
      name: "desired",
    };
    const { live } = new Rig(KEEPING, { desired });
    await assert.rejects(live.patchGlobal({ writeTimeout: "5s", readTimeout: "7s" }), {
      code: "conflict",
      message: "readTimeout is set by the desired layer, which is above the API",
    });
    await assert.rejects(live.replacePath("held", { maxReaders: 4 }), {
      code: "conflict",
      message: /^paths\.held is set by the desired layer/,
    });
    await live.patchGlobal({ writeTimeout: "5s" });
    assert.deepEqual([live.config.global.readTimeout, live.config.global.writeTimeout], [5000, 5000]);
    await live.patchPath("gate", { maxReaders: 1 });
  });

  it("of the NOC are taken as a whole, checked before, and undone by taking others", async () => {
    const layerOf = (text: string): Layer => ({ ...readLayers(text, "", {}).layers[0]!, name: "desired" });
    const rig = new Rig(KEEPING);
    assert.equal(rig.live.desiredFault(layerOf("readTimeout: 5s\n")), undefined);
    assert.match(
      rig.live.desiredFault(layerOf("rtspTransports: []\nrtsp: yes\npaths: {x: {source: 'nonsense://'}}\n")) ?? "",
      /paths\.x\.source/,
    );
    await rig.live.takeDesired(layerOf("readTimeout: 5s\n"));
    assert.equal(rig.live.config.global.readTimeout, 5000);
    await assert.rejects(rig.live.patchGlobal({ readTimeout: "7s" }), { code: "conflict" });
    await rig.live.reload();
    assert.equal(rig.live.config.global.readTimeout, 5000);
    rig.applyError = new Error("port 8554 is taken");
    await assert.rejects(rig.live.takeDesired(layerOf("readTimeout: 6s\n")), { message: "port 8554 is taken" });
    rig.applyError = undefined;
    assert.equal(rig.live.config.global.readTimeout, 5000);
    await rig.live.takeDesired(undefined);
    await rig.live.patchGlobal({ readTimeout: "7s" });
    assert.equal(rig.live.config.global.readTimeout, 7000);
  });

  it("are made one after the other", async () => {
    const gate = deferred<void>();
    const rig: Rig = new Rig(KEEPING, {
      apply: async (config) => {
        if (rig.applied.length === 0) await gate.promise;
        rig.applied.push(config);
      },
    });
    const changes = [rig.live.addPath("a", {}), rig.live.addPath("a", {}), rig.live.patchPath("a", { maxReaders: 5 }), rig.live.reload()];
    gate.resolve();
    const results = await Promise.allSettled(changes);
    assert.deepEqual(
      results.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled", "fulfilled"],
    );
    assert.equal(rig.live.entry("a")!.settings.maxReaders, 5);
    const late = rig.live.addPath("late", {});
    await Promise.all([rig.live.close(), assert.rejects(late, { message: "the gateway is shutting down" })]);
    await assert.rejects(rig.live.reload(), { message: "the gateway is shutting down" });
    assert.equal(rig.live.entry("late"), undefined);
  });
});

describe("what is kept", () => {
  it("changes survive a restart; an edit of the file undoes those of the same settings, with a line in the log", async () => {
    const rig = new Rig(KEEPING);
    await rig.live.patchGlobal({ readTimeout: "5s" });
    await rig.live.patchPath("gate", { source: "rtsp://b/1" });
    await rig.live.addPath("new", { record: true });
    const again = rig.restarted();
    assert.deepEqual([again.live.config.global.readTimeout, again.source("gate"), again.source("new")], [5000, "rtsp://b/1", "publisher"]);

    again.file = KEEPING.replace("20s", "30s");
    await again.live.reload();
    assert.equal(again.live.config.global.readTimeout, 30_000);
    assert.equal(again.source("gate"), "rtsp://b/1");
    assert.ok(again.log.lines.some((line) => line.endsWith("the file was edited: what the API had set of readTimeout is dropped")));
    const third = again.restarted();
    third.file = KEEPING;
    await third.live.reload();
    assert.equal(third.live.config.global.readTimeout, 20_000, "it is gone for good");
    assert.equal(third.source("gate"), "rtsp://b/1");

    third.file = "apiPersist: yes\n";
    assert.deepEqual(
      third.restarted().live.config.paths.map(({ name }) => name),
      ["new"],
      "edited while it did not run",
    );
  });

  it("nothing where the file does not say so, which is what it does not", async () => {
    const rig = new Rig(KEEPING.replace("apiPersist: yes\n", ""));
    await rig.live.addPath("new", {});
    assert.equal(rig.kept, undefined);
    assert.deepEqual(rig.live.status.overlay, { file: undefined, hasChanges: true, fault: undefined });
    await rig.live.reload();
    assert.ok(rig.live.entry("new") !== undefined, "a reload does not lose it");
    rig.file = KEEPING;
    await rig.live.reload();
    assert.match(rig.kept!, /^ {2}new: \{\}$/m, "from then on");
    assert.equal(rig.live.status.overlay.file, "/data/overlay.yml");
  });

  it("a change that cannot be kept is in force, and said so", async () => {
    const rig = new Rig(KEEPING);
    rig.writeError = new Error("ENOSPC");
    await assert.rejects(
      rig.live.addPath("new", {}),
      (error) => error instanceof NotKeptFault && /in force, but could not be kept: ENOSPC/.test(error.message),
    );
    assert.ok(rig.live.entry("new") !== undefined);
    assert.equal(rig.live.status.overlay.fault, "ENOSPC");
    rig.writeError = undefined;
    await rig.live.patchPath("new", { record: true });
    assert.equal(rig.live.status.overlay.fault, undefined);
    assert.equal(rig.restarted().live.entry("new")!.settings.record, true);
  });
});

describe("a reload", () => {
  it("of a file that is wrong is refused with line and reason, everywhere; the running config stays", async () => {
    const rig = new Rig(KEEPING);
    await rig.live.addPath("new", {});
    const before = rig.live.config;
    const wrong: [string, RegExp][] = [
      [KEEPING.replace("source", "sorce"), /^camgate\.yml:4: paths\.gate\.sorce: unknown setting; did you mean 'source'\?$/],
      [`${KEEPING}{`, /^camgate\.yml:\d: not valid YAML/],
      ["readTimeout: 0s\napiPersist: yes\n", /^camgate\.yml:1: readTimeout: /],
      ["a: 1\nb: 2\nc: 3\nd: 4\ne: 5\nf: 6\ng: 7\n", /and 2 more$/],
    ];
    for (const [text, message] of wrong) {
      rig.file = text;
      await assert.rejects(rig.live.reload(), { code: "invalid", message });
      assert.match(rig.live.status.lastError!.text, message);
      assert.equal(rig.live.config, before);
    }
    assert.deepEqual(rig.live.status.reloads, { applied: 0, refused: 4 });
    assert.equal(
      rig.log.lines.filter((line) => line.includes("the configuration was not reloaded, the one of before runs on: ")).length,
      4,
    );
    await rig.live.patchPath("new", { maxReaders: 1 });
    assert.equal(rig.source("gate"), "rtsp://a/1", "changes go on from what runs");

    rig.file = KEEPING.replace("rtsp://a/1", "rtsp://z/1");
    await rig.live.reload();
    assert.equal(rig.live.status.lastError, undefined);
    assert.equal(rig.source("gate"), "rtsp://z/1");
    assert.equal(rig.live.entry("new")!.settings.maxReaders, 1);
  });

  it("that a server cannot follow is refused; a file that is gone as well", async () => {
    const rig = new Rig(KEEPING);
    rig.applyError = new Error("address already in use :8554");
    rig.file = KEEPING.replace("20s", "30s");
    await assert.rejects(rig.live.reload(), { message: /already in use/ });
    assert.equal(rig.live.config.global.readTimeout, 20_000);
    const gone = new Rig(KEEPING, { reread: () => ({ ...readLayers("", "", {}), file: undefined }) });
    await assert.rejects(gone.live.reload(), { message: "camgate.yml is not there any more" });
    const { config } = gone.live;
    const fileless = new LiveConfig({ config, lower: [], overlay: emptyOverlay, file: undefined, apply: async () => {}, log: gone.log });
    await assert.rejects(fileless.reload(), { message: "there is no configuration file to read again" });
  });
});
