// camgate's own metrics: well formed, documented, and filtered as MediaMTX's are.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { silentLog } from "#base/log.ts";
import type { Health } from "#device/health/health.ts";
import type { PathSnapshot } from "#relay/path.ts";
import { PathRegistry } from "#relay/path-registry.ts";
import { TrackTally } from "#relay/track-tally.ts";
import { type Exposition, readExposition } from "#testing/exposition.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { pathConf } from "#testing/rtsp-site.ts";
import { scriptedSource } from "#testing/scripted-source.ts";
import { syntheticTrack } from "#testing/synthetic-track.ts";
import { type CamgateSources, writeCamgateMetrics } from "./camgate-metrics.ts";
import { parseMetricsFilter } from "./metrics-filter.ts";
import { processFacts } from "./process-facts.ts";
import type { RecorderFacts, RingFacts } from "./recording-families.ts";

const gate: RecorderFacts = {
  path: "gate",
  state: {
    state: "recording",
    lastWriteUs: 7_500_000,
    droppedUnits: 3,
    bytes: 5_000_000_000,
    fragments: 40,
    fault: undefined,
    heldUs: 0,
    heldBytes: 0,
    queuedBytes: 0,
    openGap: undefined,
  },
};
const yard: RecorderFacts = {
  path: "yard",
  state: {
    state: "stalled",
    lastWriteUs: undefined,
    droppedUnits: 0,
    bytes: 0,
    fragments: 0,
    fault: undefined,
    heldUs: 0,
    heldBytes: 0,
    queuedBytes: 0,
    openGap: { fromUs: 4_000_000, cause: "source" },
  },
};

const ring: RingFacts = {
  status: "degraded",
  usage: { chunkBytes: 16_777_216, chunks: 100, withFootage: 60, locked: 5, bad: 1 },
  wear: { writtenBytes: 1e12, ratedBytes: 4e12, used: 0.25, bytesPerDay: 1e11, daysLeft: 30, level: "good" },
};

const host: Health = {
  sys: {
    up_s: 3600,
    host_up_s: 86_400,
    load1: 0.42,
    cpu_pct: 18.5,
    cpu_by: { gw: 12.1, ffmpeg: 0 },
    mem_used_pct: 41,
    rss_mb: 118,
    swap_mb: 0,
    fd: 143,
    temp_c: 61.2,
    thr: { now: ["uv"], ever: ["uv", "cap"] },
    evloop_p99_ms: 7,
    gc_ms: 12,
    oom: 0,
  },
  net: { if: [], wan: "eth0" },
  disk: [],
  facts: {
    memoryTotalBytes: 2e9,
    memoryUsedBytes: 8e8,
    disks: [
      {
        mount: "/rec",
        totalBytes: 118e9,
        freeBytes: 310e6,
        readOnly: true,
        writtenBytes: 1e12,
        errors: 4,
        syncs: { p50Ms: 8, p99Ms: 210, maxMs: 900 },
      },
    ],
    interfaces: [{ name: "eth0", receivedBytes: 1000, sentBytes: 500, errors: 1, drops: 2 }],
  },
};

/** A path that pulls, and one that a client feeds. */
function paths(): readonly PathSnapshot[] {
  const track = syntheticTrack();
  const tally = new TrackTally();
  for (let frame = 0; frame <= 50; frame += 25) {
    tally.note({ track, ptsTicks: frame * 3600, captureUs: frame * 40_000, keyframe: true, damaged: frame === 25 }, 1000);
  }
  const source = scriptedSource();
  const clock = new FakeClock(4_000_000);
  const registry = new PathRegistry({
    clock,
    log: silentLog,
    udpMaxPayloadBytes: 1452,
    authorize: () => Promise.resolve({ allowed: true, user: "" }),
    confs: [pathConf("gate", { source: source.source }), pathConf("yard")],
    nameFault: () => undefined,
  });
  const counters = (): Record<string, number> => ({ inboundRTPPacketsLost: 7, inboundRTPPacketsLate: 1 });
  source.last.sink.linked!({ remote: undefined, transport: "UDP", counters });
  source.last.sink.state!("live");
  const snapshots = registry.list().map((path) => ({ ...path.snapshot(), tracks: [track], tallies: [tally] }));
  registry.close();
  return snapshots;
}

const site: CamgateSources = {
  access: () => ({
    connections: { open: 3, refused: { total: 1, perAddress: 2, strangersPerAddress: 3, madeRoom: 4 } },
    readersRefused: 5,
    auth: { granted: 10, challenged: 11, refused: 12, refusedBanned: 4, bans: 1, hashes: 13, serviceFaults: 2 },
  }),
  version: "1.2.3",
  nowUs: () => 10_000_000,
  recorders: () => [gate, yard],
  gaps: () => [
    { path: "gate", cause: "source", count: 2, seconds: 12.5 },
    { path: "not recorded any more", cause: "disk", count: 1, seconds: 1 },
  ],
  ring: () => ring,
  folders: async () => [{ directory: "/srv/recordings", freeBytes: 25e9, totalBytes: 1e11 }],
  process: processFacts,
  eventLoopDelay: () => ({ p50Seconds: 0.0005, p99Seconds: 0.012, maxSeconds: 0.25 }),
  nativeRung: () => "sendmmsg",
  gcMs: () => 1250,
  host: async () => host,
  paths,
  config: () => ({
    loadedAt: new Date(1_772_366_400_000),
    lastError: undefined,
    reloads: { applied: 3, refused: 1 },
    overlay: { hasChanges: true, fault: undefined },
    pendingRestart: ["ring.size"],
  }),
  clock: () => ({ quality: "ntp", errorMs: 4, correctionMs: -1.5, secondsSinceSync: 64, steps: 1 }),
};

const read = async (query = "", more: Partial<CamgateSources> = {}): Promise<Exposition> =>
  readExposition(await writeCamgateMetrics({ ...site, ...more }, parseMetricsFilter(new URLSearchParams(query))));

/** `name{label=value,…}` and its value, of all whose name begins so. */
function valuesOf({ samples }: Exposition, prefix: string): Record<string, number> {
  const found = samples.filter(({ name }) => name.startsWith(prefix));
  return Object.fromEntries(found.map(({ name, labels, value }) => [[name, ...Object.values(labels)].join(" "), value]));
}

/** Those states that hold. */
function holding(exposition: Exposition, name: string): readonly string[] {
  return Object.entries(valuesOf(exposition, name)).flatMap(([key, value]) => (value === 1 ? [key.slice(name.length + 1)] : []));
}

test("each metric has help and type, and a counter the name of one", async () => {
  const { samples, types, helps } = await read();
  for (const { name } of samples) {
    assert.match(name, /^camgate_[a-z0-9_]+$/);
    assert.match(helps.get(name) ?? "", /\.$/, name);
    assert.equal(types.get(name), name.endsWith("_total") ? "counter" : "gauge");
  }
});

test("docs/metrics.md tells of each metric, and of none that is not", async () => {
  const docs = readFileSync(new URL("../../../docs/metrics.md", import.meta.url), "utf8");
  const cells = [...docs.matchAll(/^\| (`camgate_[^|]+)\|/gm)].map(([, cell]) => cell!);
  const rows = cells.flatMap((cell) => [...cell.matchAll(/`(camgate_\w+)`/g)].map(([, name]) => name));
  const { types } = await read();
  assert.deepEqual(rows.sort(), [...types.keys()].sort());
});

test("recorders", async () => {
  const exposition = await read("type=camgate_recorders");
  assert.deepEqual(holding(exposition, "camgate_recorder_state"), ["gate recording", "yard stalled"]);
  assert.deepEqual(valuesOf(exposition, "camgate_recorder_bytes"), {
    "camgate_recorder_bytes_total gate": 5e9,
    "camgate_recorder_bytes_total yard": 0,
  });
  assert.deepEqual(valuesOf(exposition, "camgate_recorder_last"), { "camgate_recorder_last_write_age_seconds gate": 2.5 });
  assert.deepEqual(valuesOf(exposition, "camgate_recorder_open"), {
    "camgate_recorder_open_gap_seconds gate": 0,
    "camgate_recorder_open_gap_seconds yard": 6,
  });
  const gaps = valuesOf(exposition, "camgate_recorder_gap");
  assert.equal(gaps["camgate_recorder_gaps_total source gate"], 2);
  assert.equal(gaps["camgate_recorder_gap_seconds_total source gate"], 12.5);
  assert.equal(gaps["camgate_recorder_gaps_total source yard"], 0, "counters are there before there is anything to count");
  assert.equal(Object.keys(gaps).length, 2 * 2 * 6);
});

test("ring", async () => {
  const exposition = await read("type=camgate_ring");
  assert.deepEqual(holding(exposition, "camgate_ring_status"), ["degraded"]);
  assert.deepEqual(holding(exposition, "camgate_ring_wear_level"), ["good"]);
  assert.deepEqual(valuesOf(exposition, "camgate_ring_footage"), { camgate_ring_footage_chunks: 60 });
  assert.equal((await read("type=camgate_ring", { ring: () => undefined })).samples.length, 0);
});

test("what is not known of a ring is left out: of one without a rating, and of one that was never mounted", async () => {
  const wear = {
    writtenBytes: 0,
    ratedBytes: undefined,
    used: undefined,
    bytesPerDay: undefined,
    daysLeft: undefined,
    level: "unknown",
  } as const;
  const namesOf = async (facts: RingFacts) => [...(await read("type=camgate_ring", { ring: () => facts })).types.keys()].slice(-2);
  assert.deepEqual(await namesOf({ ...ring, wear }), ["camgate_ring_written_bytes_total", "camgate_ring_wear_level"]);
  assert.deepEqual(await namesOf({ status: "closed", usage: undefined, wear }), ["camgate_ring_status"]);
});

test("files, process and clock", async () => {
  const exposition = await read();
  assert.deepEqual(valuesOf(exposition, "camgate_files"), {
    "camgate_files_free_bytes /srv/recordings": 25e9,
    "camgate_files_size_bytes /srv/recordings": 1e11,
  });
  assert.deepEqual(holding(exposition, "camgate_native_rung"), ["sendmmsg"]);
  assert.deepEqual(holding(exposition, "camgate_info"), [`${process.version} 1.2.3`]);
  assert.deepEqual(holding(exposition, "camgate_clock_quality"), ["ntp"]);
  assert.deepEqual(valuesOf(exposition, "camgate_clock_correction"), { camgate_clock_correction_seconds: -0.0015 });
  const { camgate_memory_rss_bytes: rss = 0 } = valuesOf(exposition, "camgate_memory_rss");
  assert.ok(rss > 10e6 && rss < 10e9, `${rss} bytes`);
  const cpu = valuesOf(exposition, "camgate_cpu");
  assert.ok(cpu["camgate_cpu_seconds_total user"]! > 0);
});

test("pulled sources, and what came of each track", async () => {
  const exposition = await read("type=camgate_sources");
  assert.deepEqual(holding(exposition, "camgate_source_state"), ["gate live"]);
  assert.deepEqual(valuesOf(exposition, "camgate_source_rtp"), {
    "camgate_source_rtp_packets_lost_total gate": 7,
    "camgate_source_rtp_packets_late_total gate": 1,
  });
  assert.deepEqual(valuesOf(exposition, "camgate_source_state_age"), { "camgate_source_state_age_seconds gate": 6 });
  assert.deepEqual(valuesOf(exposition, "camgate_stream"), {
    "camgate_stream_frames_total gate 0": 3,
    "camgate_stream_frames_total yard 0": 3,
    "camgate_stream_damaged_frames_total gate 0": 1,
    "camgate_stream_damaged_frames_total yard 0": 1,
    "camgate_stream_received_bytes_total gate 0": 3000,
    "camgate_stream_received_bytes_total yard 0": 3000,
    "camgate_stream_frame_age_seconds gate 0": 8,
    "camgate_stream_frame_age_seconds yard 0": 8,
    "camgate_stream_keyframe_interval_seconds gate 0": 1,
    "camgate_stream_keyframe_interval_seconds yard 0": 1,
  });
});

test("the machine: what is not measured is left out", async () => {
  const exposition = await read("type=camgate_host");
  assert.deepEqual(holding(exposition, "camgate_host_throttled"), ["under_voltage"]);
  assert.deepEqual(valuesOf(exposition, "camgate_host_cpu"), { camgate_host_cpu_ratio: 0.185 });
  assert.deepEqual(valuesOf(exposition, "camgate_disk_free"), { "camgate_disk_free_bytes /rec": 310e6 });
  assert.deepEqual(valuesOf(exposition, "camgate_disk_read"), { "camgate_disk_read_only /rec": 1 });
  assert.deepEqual(valuesOf(exposition, "camgate_disk_sync_p99"), { "camgate_disk_sync_p99_seconds /rec": 0.21 });
  const { temp_c: _, thr: __, oom: ___, ...sys } = { ...host.sys, cpu_pct: null, fd: null };
  const bare = await read("type=camgate_host", { host: async () => ({ ...host, sys }) });
  for (const name of ["cpu_ratio", "throttled", "temperature_celsius", "oom_kills_total"])
    assert.ok(!bare.types.has(`camgate_host_${name}`), name);
  assert.deepEqual((await read("type=camgate_host", { host: () => undefined })).samples, []);
});

test("config", async () => {
  assert.deepEqual(valuesOf(await read("type=camgate_config"), "camgate_config"), {
    "camgate_config_reloads_total applied": 3,
    "camgate_config_reloads_total refused": 1,
    camgate_config_last_reload_successful: 1,
    camgate_config_loaded_timestamp_seconds: 1_772_366_400,
    camgate_config_changes_over_api: 1,
    camgate_config_changes_kept: 1,
    camgate_config_pending_restart_settings: 1,
  });
  const faulty = { ...site.config(), lastError: {}, overlay: { hasChanges: true, fault: "ENOSPC" } };
  const values = valuesOf(await read("type=camgate_config", { config: () => faulty }), "camgate_config");
  assert.deepEqual([values["camgate_config_last_reload_successful"], values["camgate_config_changes_kept"]], [0, 0]);
});

test("filters: by group; a path leaves its recorder and its source, other items nothing", async () => {
  const names = async (query: string): Promise<Set<string>> => new Set((await read(query)).samples.map(({ name }) => name.split("_")[1]!));
  assert.deepEqual(await names("type=camgate_clock"), new Set(["clock"]));
  assert.deepEqual(await names("type=camgate_files"), new Set(["files"]));
  assert.deepEqual(await names("type=camgate_process"), new Set(["info", "uptime", "event", "gc", "memory", "cpu", "native"]));
  assert.deepEqual(await names("type=paths"), new Set());
  assert.deepEqual(await names("rtsp_conn=x"), new Set());
  const { samples } = await read("path=yard");
  assert.ok(samples.length > 0);
  assert.deepEqual(new Set(samples.map(({ labels }) => labels["path"])), new Set(["yard"]));
  assert.deepEqual((await read("path=elsewhere")).samples, []);
});

test("the disk is not asked where nobody asks for it", async () => {
  const folders = (): never => assert.fail("the disk was asked");
  await read("type=camgate_ring", { folders });
  await read("path=gate", { folders });
});

test("names of strangers stay inside their quotes", async () => {
  const path = 'a"} 1\ncamgate_info{x="\\';
  const exposition = await read("type=camgate_recorders", { recorders: () => [{ ...gate, path }] });
  assert.deepEqual(new Set(exposition.samples.map(({ labels }) => labels["path"])), new Set([path]));
});

test("who was let in, and what kept the others out", async () => {
  const exposition = await read("type=camgate_access");
  assert.deepEqual(valuesOf(exposition, "camgate_connections"), {
    camgate_connections: 3,
    "camgate_connections_refused_total total": 1,
    "camgate_connections_refused_total address": 2,
    "camgate_connections_refused_total strangers": 3,
    "camgate_connections_refused_total made_room": 4,
  });
  assert.deepEqual(valuesOf(exposition, "camgate_logins"), {
    "camgate_logins_total granted": 10,
    "camgate_logins_total challenged": 11,
    "camgate_logins_total refused": 8,
    "camgate_logins_total banned": 4,
  });
  assert.equal(valuesOf(exposition, "camgate_bans")["camgate_bans_total"], 1);
  assert.equal(valuesOf(exposition, "camgate_readers")["camgate_readers_refused_total"], 5);
});
