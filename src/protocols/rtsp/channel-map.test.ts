import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSdp } from "#rtp/sdp.ts";
import { ChannelMap } from "./channel-map.ts";
import { tracksOf } from "./sdp-tracks.ts";

function mapOf(...types: readonly number[]) {
  const medias = types.map(
    (type, i) => `m=${i === 0 ? "video" : "application"} 0 RTP/AVP ${type}\r\na=rtpmap:${type} ${i === 0 ? "H264" : "x"}/90000\r\n`,
  );
  const sdp = parseSdp(`v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n${medias.join("")}`)!;
  const map = new ChannelMap();
  map.describe(tracksOf(sdp).usable);
  for (const track of types.keys()) {
    map.set(track * 2, track, false);
    map.set(track * 2 + 1, track, true);
  }
  /** Where a packet with this second byte goes. */
  return (channel: number, secondByte: number, sizeBytes = 12): readonly [track: number, isRtcp: boolean] => {
    const bytes = Buffer.alloc(3 + sizeBytes);
    bytes[3] = 0x80;
    if (sizeBytes > 1) bytes[4] = secondByte;
    let taken: readonly [number, boolean] | undefined;
    map.route(channel, bytes, 3, 3 + sizeBytes, (track, isRtcp, packet, start, end) => {
      assert.deepEqual([packet, start, end], [bytes, 3, 3 + sizeBytes]);
      taken = [track, isRtcp];
    });
    return taken!;
  };
}

test("a packet goes where its channel says", () => {
  const route = mapOf(96, 97);
  assert.deepEqual(route(0, 96), [0, false]);
  assert.deepEqual(route(1, 200), [0, true]);
  assert.deepEqual(route(2, 0x80 | 97), [1, false]);
  assert.deepEqual(route(3, 201), [1, true]);
});

test("the payload type of another track, and RTP among RTCP, are believed more than the channel", () => {
  const route = mapOf(96, 97);
  assert.deepEqual(route(0, 0x80 | 97), [1, false]);
  assert.deepEqual(route(2, 96), [0, false]);
  assert.deepEqual(route(1, 96), [0, false]);
  assert.deepEqual(route(2, 200), [1, true]);
});

test("a type that nobody or everybody has says nothing", () => {
  const route = mapOf(96, 96);
  assert.deepEqual(route(0, 96), [0, false]);
  assert.deepEqual(route(2, 96), [1, false]);
  assert.deepEqual(route(2, 100), [1, false]);
  assert.deepEqual(route(3, 100), [1, true]);
  assert.deepEqual(route(0, 0, 1), [0, false]);
});
