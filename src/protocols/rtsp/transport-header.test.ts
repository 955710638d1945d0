import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseTransports, type Transport, writeTransport } from "./transport-header.ts";

/** Only what is there, to compare. */
function plain(values: string | readonly string[]): readonly unknown[] {
  return parseTransports(values).map((one) => Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined)));
}

const UDP = { profile: "RTP/AVP", lower: "udp", multicast: false };
const TCP = { profile: "RTP/AVP", lower: "tcp", multicast: false };

describe("parseTransports", () => {
  const cases: readonly [value: string, transports: readonly unknown[]][] = [
    ["RTP/AVP;unicast;client_port=5000-5001", [{ ...UDP, clientPorts: [5000, 5001] }]],
    ["RTP/AVP/UDP;unicast;client_port=5000", [{ ...UDP, clientPorts: [5000, 5001] }]],
    [
      'RTP/AVP/UDP;unicast;client_port=5000-5001;server_port=8000-8001;source=10.0.0.1;ssrc=4E9A2C1D;mode="PLAY"',
      [{ ...UDP, clientPorts: [5000, 5001], serverPorts: [8000, 8001], source: "10.0.0.1", ssrc: 0x4e9a2c1d, mode: "play" }],
    ],
    ["RTP/AVP/TCP;interleaved=0-1", [{ ...TCP, interleaved: [0, 1] }]],
    ["rtp/avp/tcp ; Unicast ; Interleaved = 8 - 9 ", [{ ...TCP, interleaved: [8, 9] }]],
    ["RTP/AVP/TCP;unicast;interleaved=4;mode=record", [{ ...TCP, interleaved: [4, 5], mode: "record" }]],
    ["RTP/AVP/TCP;interleaved=0-1;mode=receive", [{ ...TCP, interleaved: [0, 1], mode: "record" }]],
    ['RTP/AVP/TCP;interleaved=0-1;mode="PLAY,RECORD"', [{ ...TCP, interleaved: [0, 1], mode: "play" }]],
    [
      "RTP/AVP;multicast;destination=239.1.2.3;port=5000-5001;ttl=16",
      [{ ...UDP, multicast: true, destination: "239.1.2.3", ports: [5000, 5001], ttl: 16 }],
    ],
    [
      "RTP/SAVP;unicast;client_port=6-7, RTP/AVPF/TCP, RTP/SAVPF",
      [
        { ...UDP, profile: "RTP/SAVP", clientPorts: [6, 7] },
        { ...TCP, profile: "RTP/AVPF" },
        { ...UDP, profile: "RTP/SAVPF" },
      ],
    ],
    ["RAW/RAW/UDP;unicast,MP2T/H2221/UDP;unicast,RTP/AVP;unicast", [UDP]],
    ["RTP/AVP;ssrc=9A", [{ ...UDP, ssrc: 0x9a }]],
    ["RTP/AVP;ssrc=  8F3A21", [{ ...UDP, ssrc: 0x8f3a21 }]],
    ["RTP/AVP;ssrc=0xDEADbeef", [{ ...UDP, ssrc: 0xdeadbeef }]],
    ["RTP/AVP;ssrc=1234567890;ttl=256;client_port=70000;interleaved=a-b;source=;mode=pause", [UDP]],
    ["RTP/AVP/TCP;interleaved=255", [TCP]],
    ["", []],
    ["RTP/AVP/SCTP", []],
    [";;;,,;=", []],
  ];
  for (const [value, transports] of cases) it(value, () => assert.deepEqual(plain(value), transports));

  it("reads several fields as one", () => {
    assert.deepEqual(plain(["RTP/AVP/TCP;interleaved=0-1", "RTP/AVP;client_port=2-3"]), [
      { ...TCP, interleaved: [0, 1] },
      { ...UDP, clientPorts: [2, 3] },
    ]);
  });

  it("is bounded", () => {
    assert.equal(parseTransports("RTP/AVP,".repeat(5000)).length, 16);
  });
});

describe("writeTransport", () => {
  const cases: readonly [transport: Transport, value: string][] = [
    [{ profile: "RTP/AVP", lower: "tcp", multicast: false, interleaved: [2, 3] }, "RTP/AVP/TCP;unicast;interleaved=2-3"],
    [
      {
        profile: "RTP/AVP",
        lower: "udp",
        multicast: false,
        clientPorts: [5000, 5001],
        serverPorts: [8000, 8001],
        ssrc: 0x9a,
        mode: "play",
      },
      "RTP/AVP;unicast;client_port=5000-5001;server_port=8000-8001;ssrc=0000009A;mode=play",
    ],
    [
      { profile: "RTP/SAVP", lower: "udp", multicast: true, destination: "239.1.2.3", source: "10.0.0.1", ports: [5000, 5001], ttl: 16 },
      "RTP/SAVP;multicast;destination=239.1.2.3;source=10.0.0.1;port=5000-5001;ttl=16",
    ],
  ];
  for (const [transport, value] of cases) {
    it(value, () => {
      assert.equal(writeTransport(transport), value);
      assert.deepEqual(plain(value), [transport], "reads back");
    });
  }
});
