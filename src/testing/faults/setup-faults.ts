// Rows of the fault table: how cameras answer while a session is set up, and how much they answer (RFC 2326 §11, §12.37).
import assert from "node:assert/strict";
import type { PeerFaultCode } from "#base/errors.ts";
import type { SourceState } from "#relay/source.ts";
import { clipSdp } from "../clip-media.ts";
import type { CameraAnswer, Script } from "../scripted-camera.ts";
import type { Fault, FaultCase } from "./fault.ts";

const UNDISTURBED = ["connecting", "probing", "live"] as const;
const FAILED_ATTEMPT = ["connecting", "backoff"] as const;

/** Attempts within `FLOOD_MS` where each one ends at once: at 0, 0.5, 1.5, 3.5 and 7.5 s. */
const FLOOD_ATTEMPTS = 5;
const FLOOD_MS = 8000;
/** What a camera may have sent before its connection was closed. */
const MAX_FLOOD_BYTES = 256 * 1024;

function floods(name: string, does: string, script: () => Script, fault: PeerFaultCode): FaultCase {
  return {
    name,
    stimulus: { does: `answers DESCRIBE with ${does}`, camera: () => ({ script: script() }), lastsMs: FLOOD_MS },
    expected: {
      source: {
        states: Array.from({ length: FLOOD_ATTEMPTS }, () => FAILED_ATTEMPT).flat(),
        faults: Array<PeerFaultCode>(FLOOD_ATTEMPTS).fill(fault),
      },
      requests: { DESCRIBE: FLOOD_ATTEMPTS, SETUP: 0 },
      readers: { gaps: [{ fromMs: 0, toMs: FLOOD_MS }] },
      also: ({ rig }) => assert.equal(rig.proxy.open, 0, "no connection is open while it waits"),
    },
  };
}

function description(body: string): () => Script {
  return () => ({ DESCRIBE: () => ({ headers: { "Content-Type": "application/sdp" }, body }) });
}

const HEAD = "RTSP/1.0 200 OK\r\nCSeq: 2\r\n";

/** `start`, and then `more`, again and again, for as long as the client listens. */
function endless(start: string, more: string): () => Script {
  return () => ({
    DESCRIBE: (_request, { socket }) => {
      let sentBytes = 0;
      const timer = setInterval(() => {
        sentBytes += more.length;
        if (sentBytes <= MAX_FLOOD_BYTES) socket.write(more);
      }, 10);
      socket.once("close", () => clearInterval(timer));
      return { raw: start };
    },
  });
}

const c09: Fault = {
  id: "C09",
  title: "answers without measure: the connection is closed, and others do not notice",
  cases: [
    floods("1 MiB of session description", "1 MiB of session description", description(`${clipSdp()}a=x:${"x".repeat(1 << 20)}`), "limit"),
    floods("100 KiB of it", "100 KiB of session description", description(`${clipSdp()}${"a=x:y\r\n".repeat(14_000)}`), "protocol"),
    floods("10,000 attributes", "10,000 attributes", description(`${clipSdp()}${"a=x\r\n".repeat(10_000)}`), "protocol"),
    floods("17 medias", "17 medias", description(clipSdp() + "m=video 0 RTP/AVP 96\r\n".repeat(16)), "protocol"),
    floods("an fmtp of 9 KiB", "an fmtp of 9 KiB", description(`${clipSdp()}a=fmtp:96 x=${"x".repeat(9 << 10)}\r\n`), "protocol"),
    floods("a header that never ends", "a header that never ends", endless(`${HEAD}X-Filler: `, "x".repeat(4096)), "limit"),
    floods("headers that never end", "headers that never end", endless(HEAD, "X-Filler: y\r\n".repeat(20)), "limit"),
    floods(
      "a folded header that never ends",
      "a folded header that never ends",
      endless(`${HEAD}X: y\r\n`, `\t${"x".repeat(4096)}\r\n`),
      "limit",
    ),
    floods("a start line that never ends", "a start line that never ends", endless("RTSP/1.0 200 ", "O".repeat(4096)), "limit"),
    floods(
      "a Content-Length of 2 GiB",
      "a Content-Length of 2 GiB",
      endless(`${HEAD}Content-Length: 2147483648\r\n\r\n`, "x".repeat(4096)),
      "limit",
    ),
    floods(
      "a Content-Length that is no number",
      "a Content-Length of -1",
      endless(`${HEAD}Content-Length: -1\r\n\r\n`, "x".repeat(4096)),
      "protocol",
    ),
    floods(
      "no length, and no end",
      "no Content-Length, and a body that never ends",
      endless(`${HEAD}\r\n`, "a=x\r\n".repeat(4096)),
      "limit",
    ),
  ],
};

/** Signs of life in a minute. */
function keptAlive(session: string, intervalMs: number): FaultCase {
  const lastsMs = 61_000;
  return {
    name: session,
    stimulus: { does: `says Session: ${session}`, camera: () => ({ session }), lastsMs },
    expected: {
      source: { states: UNDISTURBED },
      requests: { GET_PARAMETER: Math.floor(lastsMs / intervalMs), PLAY: 1 },
      readers: { gaps: [] },
      also: ({ rig }) => assert.ok(rig.camera.of("PLAY").every(({ headers }) => headers.get("Session") === "12345678")),
    },
  };
}

const c10: Fault = {
  id: "C10",
  title: "the timeout of a session in every form",
  cases: [
    keptAlive("12345678;timeout=5", 2000),
    keptAlive("12345678;timeout=30", 12_000),
    keptAlive("12345678", 24_000),
    keptAlive("12345678;timeout=0", 24_000),
    keptAlive('12345678;timeout="10"', 4000),
    keptAlive("12345678; Timeout = 10", 4000),
    keptAlive("12345678;timeout=1", 2000),
    keptAlive("12345678;timeout=-5", 24_000),
    keptAlive("12345678;timeout=soon", 24_000),
  ],
};

/** Refuses the first request of a method; then all is well. */
function once(method: string, answer: CameraAnswer): NonNullable<FaultCase["stimulus"]["camera"]> {
  return () => {
    let isRefused = false;
    return {
      script: {
        [method]: () => {
          if (isRefused) return undefined;
          isRefused = true;
          return answer;
        },
      },
    };
  };
}

interface Refusal {
  readonly status: number;
  readonly method: string;
  readonly fault: PeerFaultCode;
  readonly waitMs: number;
  readonly before: readonly SourceState[];
}

function refused({ status, method, fault, waitMs, before }: Refusal): FaultCase {
  return {
    name: `${status} to ${method}`,
    stimulus: { does: `answers ${status} to the first ${method}`, camera: once(method, { status }), lastsMs: waitMs + 2000 },
    expected: {
      source: { states: [...before, "backoff", ...UNDISTURBED], faults: [fault] },
      requests: { [method]: 2, PLAY: method === "PLAY" ? 2 : 1, TEARDOWN: 0 },
      readers: { gaps: [{ fromMs: 0, toMs: waitMs }] },
    },
  };
}

/** Refuses a transport for as long as it likes; takes the other one. */
function withoutTransport(name: "TCP" | "UDP", settings: { readonly transport?: "tcp" | "udp" }, isTaken: boolean): FaultCase {
  const transport = settings.transport ?? "automatic";
  const lastsMs = 3000;
  return {
    name: `461 to SETUP over ${name}, rtspTransport ${transport}`,
    stimulus: {
      does: `answers 461 to each SETUP over ${name}`,
      camera: () => ({
        script: {
          SETUP: ({ headers }) => (headers.get("Transport")!.includes("TCP") === (name === "TCP") ? { status: 461 } : undefined),
        },
      }),
      lastsMs,
    },
    expected: {
      source: {
        states: isTaken ? UNDISTURBED : [...FAILED_ATTEMPT, ...FAILED_ATTEMPT, ...FAILED_ATTEMPT],
        faults: isTaken ? [] : ["unsupported", "unsupported", "unsupported"],
        options: { ...settings },
      },
      readers: { gaps: isTaken ? [] : [{ fromMs: 0, toMs: lastsMs }] },
      also: ({ rig }) => assert.equal(rig.udp.length, isTaken ? 1 : 0),
    },
  };
}

const probed = ["connecting", "probing"] as const;

const c12: Fault = {
  id: "C12",
  title: "requests that are refused",
  cases: [
    refused({ status: 404, method: "DESCRIBE", fault: "not-found", waitMs: 500, before: ["connecting"] }),
    refused({ status: 503, method: "DESCRIBE", fault: "busy", waitMs: 10_000, before: ["connecting"] }),
    refused({ status: 453, method: "SETUP", fault: "busy", waitMs: 10_000, before: ["connecting"] }),
    refused({ status: 500, method: "SETUP", fault: "protocol", waitMs: 500, before: ["connecting"] }),
    refused({ status: 453, method: "PLAY", fault: "busy", waitMs: 10_000, before: probed }),
    refused({ status: 454, method: "PLAY", fault: "ended", waitMs: 500, before: probed }),
    refused({ status: 455, method: "PLAY", fault: "protocol", waitMs: 500, before: probed }),
    refused({ status: 503, method: "PLAY", fault: "busy", waitMs: 10_000, before: probed }),
    withoutTransport("TCP", {}, true),
    withoutTransport("TCP", { transport: "tcp" }, false),
    withoutTransport("UDP", { transport: "udp" }, false),
  ],
};

export const setupFaults: readonly Fault[] = [c09, c10, c12];
