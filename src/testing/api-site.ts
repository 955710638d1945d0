// The control API with an RTSP site behind it, for tests: every answer in JSON is held against docs/openapi.yaml.
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { ApiServer, type ApiServerOptions, type ApiSubjects } from "#api/api-server.ts";
import { LiveConfig, type LiveConfigOptions } from "#config/live-config.ts";
import { emptyOverlay } from "#config/overlay.ts";
import { parseConfig } from "#config/parse-config.ts";
import { CommandTable } from "#control/command.ts";
import { CommandJobs } from "#control/command-jobs.ts";
import type { Health } from "#device/health/health.ts";
import type { AccessRequest } from "#relay/access.ts";
import { type CollectedLog, collectedLog } from "./collected-log.ts";
import { OpenApiDocument } from "./openapi.ts";
import { type RawResponse, RawRtspClient, recordOverTcp } from "./raw-rtsp-client.ts";
import { type Site, startSite } from "./rtsp-site.ts";
import { SyntheticVideo, syntheticSdp } from "./synthetic-track.ts";
import { rtpOf } from "./unit-tap.ts";

export const apiDocument = new OpenApiDocument(new URL("../../docs/openapi.yaml", import.meta.url));
export const NOON_US = Date.UTC(2026, 2, 1, 12) * 1000;

// biome-ignore lint/suspicious/noExplicitAny: bodies are held against the document
export type Body = any;

export const HEALTH: Health = {
  sys: {
    up_s: 60,
    load1: 0.4,
    cpu_pct: 18.5,
    cpu_by: { gw: 12.1 },
    mem_used_pct: 41,
    rss_mb: 118,
    swap_mb: 0,
    fd: 40,
    evloop_p99_ms: 7,
    gc_ms: 12,
  },
  net: { if: [], wan: null },
  disk: [],
  facts: { memoryTotalBytes: 2e9, memoryUsedBytes: 8e8, disks: [], interfaces: [] },
};

export interface ApiSite {
  readonly site: Site;
  readonly subjects: ApiSubjects;
  readonly log: CollectedLog;
  /** Every question at the door. */
  readonly asked: readonly AccessRequest[];
  readonly origin: string;
  /** The body of an answer with this status. What is sent is text, or made to JSON. */
  ask(target: string, status?: number, method?: string, sent?: Body): Promise<Body>;
  errorOf(target: string, status: number, method?: string, sent?: Body): Promise<string>;
  connect(): Promise<RawRtspClient>;
  /** How often keys were to be fetched anew. */
  refreshes(): number;
}

export async function startApi(t: TestContext, more: Partial<ApiServerOptions> = {}): Promise<ApiSite> {
  const site = await startSite({
    paths: {
      cam: {},
      "site/gate": {},
      door: { source: { kind: "redirect", target: "rtsp://door.example/live" } },
      "~^yard/.+$": {},
    },
  });
  const asked: AccessRequest[] = [];
  let refreshes = 0;
  const log = collectedLog();
  const commands = new CommandTable([]);
  const subjects: ApiSubjects = {
    config: liveConfig(),
    version: "v1.2.3",
    startedUs: 1_500_000,
    refreshKeys: () => void refreshes++,
    registry: site.registry,
    clock: { nowUs: () => 61_500_000, utcOf: (us) => ({ utcUs: NOON_US + us, quality: "ntp", errorMs: undefined }) },
    sessions: site.sessions,
    servers: { rtsp: true, rtsps: true, webrtc: true },
    recordings: undefined,
    health: { read: async () => HEALTH },
    camgate: { commands, jobs: new CommandJobs({ table: commands, nowMs: Date.now, log }), removeClip: async () => {} },
    ...more,
  };
  const server = await ApiServer.listen({
    address: { host: "127.0.0.1", port: 0 },
    allowOrigins: ["*"],
    readTimeoutMs: 10_000,
    writeTimeoutMs: 10_000,
    trustsProxy: () => false,
    log,
    bodyLimits: { maxBytes: 10_000 },
    assets: {
      send: async ({ response }, name) => void response.writeHead(200, { "Content-Type": "text/plain" }).end(`asset ${name}`),
    },
    ...more,
    ...subjects,
    authorize: (request) => {
      asked.push(request);
      return more.authorize?.(request) ?? Promise.resolve({ allowed: true, user: "" });
    },
  });
  t.after(async () => {
    await server.close();
    await site.close();
  });
  const origin = `http://127.0.0.1:${server.port}`;
  const ask = async (target: string, status = 200, method = "GET", sent?: Body): Promise<Body> => {
    const text = typeof sent === "string" || sent === undefined ? sent : JSON.stringify(sent);
    const response = await fetch(origin + target, { method, ...(text !== undefined && { body: text }) });
    const body: Body = await response.json();
    assert.equal(response.status, status, `${method} ${target}: ${JSON.stringify(body)}`);
    assert.equal(response.headers.get("content-type"), "application/json; charset=utf-8");
    const path = decodeURIComponent(new URL(response.url).pathname);
    assert.deepEqual(apiDocument.faultsOf({ method, path, status, body }), []);
    return body;
  };
  const errorOf: ApiSite["errorOf"] = async (target, status, method, sent) => (await ask(target, status, method, sent)).error;
  const connect = async (): Promise<RawRtspClient> => {
    const client = await RawRtspClient.connect(site.port);
    t.after(() => client.socket.destroy());
    return client;
  };
  return { site, subjects, log, asked, origin, ask, errorOf, connect, refreshes: () => refreshes };
}

/** A config that is changed, and nothing else with it. */
export function liveConfig(text = "", options: Partial<LiveConfigOptions> = {}): LiveConfig {
  const { config, problems } = parseConfig(text, "camgate.yml", {});
  assert.ok(config !== undefined, JSON.stringify(problems));
  const { layers: lower } = config;
  return new LiveConfig({
    config,
    lower,
    overlay: emptyOverlay,
    file: "camgate.yml",
    apply: async () => {},
    log: collectedLog(),
    ...options,
  });
}

/** Publishes three frames to a path; all of them are counted when it resolves. */
export async function publishThree(client: RawRtspClient, url: string): Promise<RawResponse> {
  await recordOverTcp(client, url, syntheticSdp());
  const video = new SyntheticVideo();
  for (let i = 0; i < 3; i++) for (const packet of rtpOf(video.nextBurst())) client.sendPacket(0, packet);
  return client.request("OPTIONS", url);
}
