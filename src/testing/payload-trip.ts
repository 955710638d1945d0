// Sends a frame through the packets of its payload format and back.
import assert from "node:assert/strict";
import type { Parameters } from "#codecs/codec.ts";
import { BurstBuilder } from "#rtp/burst.ts";
import { payloadFormatOf } from "#rtp/payload/formats.ts";
import { packetsOf } from "./rtp-capture.ts";

export interface Trip {
  readonly payloads: readonly Buffer[];
  readonly markers: readonly boolean[];
  readonly ticks: readonly number[];
  /** All bits that `inspect` found. */
  readonly has: number;
  readonly frame: readonly Buffer[] | undefined;
}

/** Asserts that no packet is too large. */
export function roundTrip(frame: readonly Buffer[], parameters: Parameters, maxPayloadBytes: number): Trip {
  const format = payloadFormatOf(parameters.codec);
  const builder = new BurstBuilder(0, 0);
  format.packetize(frame, parameters, maxPayloadBytes, builder);
  const burst = builder.finish();
  const packets = packetsOf(burst, 65_530);
  const payloads = packets.map((packet) => packet.subarray(12));
  for (const payload of payloads) assert.ok(payload.length <= maxPayloadBytes, `${payload.length} bytes of payload`);
  return {
    payloads,
    markers: packets.map((packet) => packet[1]! >> 7 === 1),
    ticks: packets.map((packet) => packet.readUInt32BE(4)),
    has: payloads.reduce((has, payload) => has | format.inspect(payload, 0, payload.length), 0),
    frame: format.depacketize(burst, parameters),
  };
}
