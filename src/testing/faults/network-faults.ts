// Rows of the fault table: networks that let less through than they should, and a gateway that runs out of ports.
import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import type { Script } from "../scripted-camera.ts";
import type { Fault } from "./fault.ts";

/** Says 461 to the first SETUP over TCP. */
function refusesTcpOnce(): Script {
  let refused = false;
  return {
    SETUP: (request) => {
      if (refused || !request.headers.get("Transport")!.includes("TCP")) return undefined;
      refused = true;
      return { status: 461 };
    },
  };
}

/** For this session and those to come. */
const firewall = { loss: 0 };

const c90: Fault = {
  id: "C90",
  title: "a firewall keeps RTP over UDP out",
  cases: [
    {
      name: "automatic: UDP is tried when the camera wants it, and TCP again",
      stimulus: {
        does: "says 461 to the first SETUP over TCP; datagrams from it get nowhere",
        camera: () => ({ script: refusesTcpOnce() }),
        datagrams: { loss: 1 },
        lastsMs: 8000,
      },
      expected: {
        source: { states: ["connecting", "probing", "stalled", "backoff", "connecting", "probing", "live"], faults: ["stalled"] },
        requests: { PLAY: 2 },
        readers: { gaps: [{ fromMs: 0, toMs: 3500 }] },
        log: [{ line: /no media over TCP, trying UDP/, times: 1 }],
      },
    },
    {
      name: "a UDP session loses its way: TCP takes over",
      stimulus: {
        does: "says 461 to the first SETUP over TCP; after 4 s datagrams get nowhere",
        camera: () => {
          firewall.loss = 0;
          return { script: refusesTcpOnce() };
        },
        datagrams: firewall,
        steps: [
          {
            atMs: 4000,
            does: "the firewall is closed",
            act: () => {
              firewall.loss = 1;
            },
          },
        ],
        lastsMs: 14_000,
      },
      expected: {
        source: {
          states: ["connecting", "probing", "live", "stalled", "backoff", "connecting", "probing", "stalled", "probing", "live"],
          faults: ["stalled"],
        },
        readers: { gaps: [{ fromMs: 4000, toMs: 10_500 }] },
        log: [{ line: /no media over UDP, trying TCP/, times: 1 }],
      },
    },
    {
      name: "UDP by setting: it is not given up, and the hole is punched",
      stimulus: {
        does: "plays over UDP; datagrams from it get nowhere",
        camera: () => ({}),
        datagrams: { loss: 1 },
        lastsMs: 9000,
      },
      expected: {
        source: {
          states: ["connecting", "probing", "stalled", "backoff", "connecting", "probing", "stalled", "backoff", "connecting", "probing"],
          faults: ["stalled", "stalled"],
          options: { transport: "udp" },
        },
        readers: { gaps: [{ fromMs: 0, toMs: 9000 }] },
        also: ({ rig }) => {
          for (const { counts } of rig.udp) assert.equal(counts.fromClient, 1, "a datagram to the camera's RTP port opens the way back");
        },
      },
    },
  ],
};

const FAILED_ATTEMPT = ["connecting", "backoff"] as const;
const RANGE = [31_336, 31_337] as const;

const c96: Fault = {
  id: "C96",
  title: "the ports for UDP sources are used up",
  cases: [
    {
      name: "",
      stimulus: {
        does: "plays over UDP; on the gateway another program holds the only two ports that sources may use, for 5 s",
        camera: () => {
          holdPorts();
          return {};
        },
        steps: [{ atMs: 5000, does: "the ports are free again", actOnSite: releasePorts }],
        lastsMs: 10_000,
      },
      expected: {
        source: {
          states: [...FAILED_ATTEMPT, ...FAILED_ATTEMPT, ...FAILED_ATTEMPT, ...FAILED_ATTEMPT, "connecting", "probing", "live"],
          faults: ["limit", "limit", "limit", "limit"],
          options: { transport: "udp", udpPortRange: RANGE },
        },
        readers: { gaps: [{ fromMs: 0, toMs: 7500 }] },
        log: [{ line: /no free pair of UDP ports in 31336-31337/, times: 4 }],
      },
    },
  ],
};

const held: Socket[] = [];

function holdPorts(): void {
  for (const port of RANGE) held.push(createSocket("udp4").bind(port, "0.0.0.0"));
}

function releasePorts(): void {
  for (const socket of held.splice(0)) socket.close();
}

export const networkFaults: readonly Fault[] = [c90, c96];
