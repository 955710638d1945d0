// A stream whose sequence numbers have begun anew before we came: its key says how often.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AES128_CM_SHA1_80 } from "#rtp/srtp/srtp-profile.ts";
import { openSrtpSender } from "#rtp/srtp/srtp-sender.ts";
import { SyntheticVideo } from "#testing/synthetic-track.ts";
import { rtpOf } from "#testing/unit-tap.ts";
import { newMikeyKey, SecureTrack } from "./secure-track.ts";

test("the rollover that a key tells is that of the first packet", () => {
  const key = newMikeyKey([]);
  const sender = openSrtpSender({ profile: AES128_CM_SHA1_80, ...key })!;
  const burst = new SyntheticVideo().nextBurst();
  const [first] = rtpOf(burst);
  const ssrc = first!.readUInt32BE(8);
  const stream = sender.stream({ ssrc, payloadType: 96, sequenceOffset: 0, timestampOffset: 0 })!;
  stream.highest = 3 * 0x10000 + first!.readUInt16BE(2) - 1;
  const { bytes, offsets, count } = sender.protect(burst, stream)!;
  const openedWith = (rollover: number): number => {
    const track = new SecureTrack({ local: newMikeyKey([]), remote: { ...key, streams: [{ ssrc, rollover }] } });
    let opened = 0;
    for (let i = 0; i < count; i++) {
      const packet = Buffer.from(bytes.subarray(offsets[i]!, offsets[i + 1]!));
      track.open(false, packet, 0, packet.length, () => opened++);
    }
    assert.equal(opened + track.rejected, count);
    return opened;
  };
  assert.equal(openedWith(3), count);
  assert.equal(openedWith(0), 0);
});
