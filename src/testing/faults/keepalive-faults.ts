// Rows of the fault table: what cameras take for a sign of life (RFC 2326 §12.37).
import assert from "node:assert/strict";
import type { CameraAnswer, CameraConnection, Script } from "../scripted-camera.ts";
import type { Fault, FaultCase, Stimulus } from "./fault.ts";
import type { FaultOutcome } from "./fault-site.ts";

const UNDISTURBED = ["connecting", "probing", "live"] as const;
const LOST = [...UNDISTURBED, "backoff"] as const;
const TIMEOUT_S = 10;

interface SessionRules {
  readonly timeoutS: number;
  /** The request that counts; others may be answered, and change nothing. */
  readonly counts: string;
  readonly isPublic: string;
  /** In place of the usual answer, by method, while a session plays. */
  readonly answers?: Readonly<Record<string, CameraAnswer | "silent">>;
}

/** A camera that closes the connection of a session when it has missed its sign of life for the timeout. */
function cameraWith({ timeoutS, counts, isPublic, answers = {} }: SessionRules): NonNullable<Stimulus["camera"]> {
  return () => {
    const deadlines = new Map<CameraConnection, NodeJS.Timeout>();
    const live = (connection: CameraConnection): void => {
      clearTimeout(deadlines.get(connection));
      deadlines.set(
        connection,
        setTimeout(() => connection.socket.destroy(), timeoutS * 1000),
      );
      connection.socket.once("close", () => clearTimeout(deadlines.get(connection)));
    };
    const script: Script = {};
    for (const method of ["OPTIONS", "GET_PARAMETER"]) {
      script[method] = (_request, connection) => {
        if (!connection.playing) return method === "OPTIONS" ? { headers: { Public: isPublic } } : undefined;
        if (method === counts) live(connection);
        return answers[method];
      };
    }
    script["PLAY"] = (_request, connection) => {
      live(connection);
      return undefined;
    };
    return { script, session: `12345678;timeout=${timeoutS}` };
  };
}

/** The method of the first request behind each PLAY. */
function firstKeepalives({ rig: { camera } }: FaultOutcome): (string | undefined)[] {
  return camera.requests.flatMap(({ method }, i) => (method === "PLAY" ? [camera.requests[i + 1]?.method] : []));
}

/** Two sessions are lost at their timeout; the third one is kept alive, and so is one behind a loss of another cause. */
function learns(name: string, rules: SessionRules, expected: readonly string[]): FaultCase {
  return {
    name,
    stimulus: {
      does: `ends a session ${rules.timeoutS} s after the last ${rules.counts}, whatever else is sent; names ${rules.isPublic} in Public; the connection breaks once at 45 s`,
      camera: cameraWith(rules),
      steps: [{ atMs: 45_000, does: "the connection breaks", act: ({ proxy }) => proxy.drop() }],
      lastsMs: 80_000,
    },
    expected: {
      source: {
        states: [...LOST, ...LOST, ...LOST, ...UNDISTURBED],
        faults: ["ended", "ended", "ended"],
      },
      requests: { PLAY: 4 },
      readers: {
        gaps: [
          { fromMs: 10_000, toMs: 10_500 },
          { fromMs: 20_500, toMs: 21_500 },
          { fromMs: 45_000, toMs: 47_000 },
        ],
      },
      log: [{ line: /sessions end at their timeout of 10 s/, times: 1 }],
      also: (outcome) => assert.deepEqual(firstKeepalives(outcome), expected),
    },
  };
}

const ALL_METHODS = "OPTIONS, DESCRIBE, SETUP, TEARDOWN, PLAY, GET_PARAMETER";
const FEW_METHODS = "OPTIONS, DESCRIBE, SETUP, TEARDOWN, PLAY";

const c30: Fault = {
  id: "C30",
  title: "only one request counts as a sign of life, and not the one that was to be expected",
  cases: [
    learns("only OPTIONS counts", { timeoutS: TIMEOUT_S, counts: "OPTIONS", isPublic: ALL_METHODS }, [
      "GET_PARAMETER",
      "GET_PARAMETER",
      "OPTIONS",
      "OPTIONS",
    ]),
    learns(
      "only GET_PARAMETER counts, and Public does not name it",
      { timeoutS: TIMEOUT_S, counts: "GET_PARAMETER", isPublic: FEW_METHODS },
      ["OPTIONS", "OPTIONS", "GET_PARAMETER", "GET_PARAMETER"],
    ),
    {
      name: "GET_PARAMETER counts, and Public names it",
      stimulus: {
        does: "ends a session 10 s after the last GET_PARAMETER",
        camera: cameraWith({ timeoutS: TIMEOUT_S, counts: "GET_PARAMETER", isPublic: ALL_METHODS }),
        lastsMs: 30_000,
      },
      expected: { source: { states: UNDISTURBED }, requests: { PLAY: 1, OPTIONS: 1, GET_PARAMETER: 7 }, readers: { gaps: [] } },
    },
  ],
};

function refused(name: string, answer: CameraAnswer | "silent"): FaultCase {
  return {
    name,
    stimulus: {
      does: `names GET_PARAMETER in Public, and then: ${name}; only OPTIONS counts as a sign of life, at least every 10 s`,
      camera: cameraWith({ timeoutS: TIMEOUT_S, counts: "OPTIONS", isPublic: ALL_METHODS, answers: { GET_PARAMETER: answer } }),
      lastsMs: 45_000,
    },
    expected: {
      source: { states: UNDISTURBED },
      requests: { PLAY: 1, GET_PARAMETER: 1 },
      readers: { gaps: [] },
    },
  };
}

const c31: Fault = {
  id: "C31",
  title: "GET_PARAMETER is refused, or never answered",
  cases: [
    refused("405 Method Not Allowed", { status: 405 }),
    refused("501 Not Implemented", { status: 501 }),
    refused("no answer", "silent"),
    {
      name: "no keepalive is answered, and none is needed",
      stimulus: {
        does: "answers neither GET_PARAMETER nor OPTIONS while it plays, and plays on",
        camera: () => ({
          script: { OPTIONS: (_request, { playing }) => (playing ? "silent" : undefined), GET_PARAMETER: () => "silent" },
          session: "12345678;timeout=15",
        }),
        lastsMs: 60_000,
      },
      expected: { source: { states: UNDISTURBED }, requests: { PLAY: 1, GET_PARAMETER: 1 }, readers: { gaps: [] } },
    },
  ],
};

const c32: Fault = {
  id: "C32",
  title: "a keepalive needs the session's header",
  cases: ["OPTIONS", "GET_PARAMETER"].map((method) => ({
    name: method,
    stimulus: {
      does: `answers 454 to ${method} without the session's id, and forgets the session`,
      camera: () => ({
        session: `12345678;timeout=${TIMEOUT_S}`,
        script: {
          OPTIONS: (request, { playing }) => {
            if (!playing) return { headers: { Public: method === "OPTIONS" ? FEW_METHODS : ALL_METHODS } };
            return request.headers.get("Session") === "12345678" ? undefined : { status: 454 };
          },
          GET_PARAMETER: (request) => (request.headers.get("Session") === "12345678" ? undefined : { status: 454 }),
        },
      }),
      lastsMs: 30_000,
    },
    expected: {
      source: { states: UNDISTURBED },
      requests: { PLAY: 1, [method]: method === "OPTIONS" ? 8 : 7 },
      readers: { gaps: [] },
    },
  })),
};

/** A camera that ends a session without RTCP. */
const withReports: NonNullable<Stimulus["camera"]> = () => ({
  script: {
    PLAY: (_request, connection) => {
      let seen = 0;
      const timer = setInterval(() => {
        if (connection.rtcp.length === seen) connection.socket.destroy();
        seen = connection.rtcp.length;
      }, 8000);
      connection.socket.once("close", () => clearInterval(timer));
      return undefined;
    },
  },
});

const c33: Fault = {
  id: "C33",
  title: "receiver reports are the sign of life",
  cases: (["tcp", "udp"] as const).map((transport) => ({
    name: transport.toUpperCase(),
    stimulus: {
      does: "ends a session that sent no RTCP for 8 s",
      camera: withReports,
      lastsMs: 30_000,
    },
    expected: {
      source: { states: UNDISTURBED, options: { transport } },
      requests: { PLAY: 1 },
      readers: { gaps: [] },
      also: ({ rig }) => {
        const reports = rig.camera.connections[0]!.rtcp.filter((packet) => packet[1] === 201); // RFC 3550 §6.4.2
        assert.ok(reports.length >= 5, `${reports.length} reports`);
      },
    },
  })),
};

export const keepaliveFaults: readonly Fault[] = [c30, c31, c32, c33];
