import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSdp } from "#rtp/sdp.ts";
import { SYNTHETIC_SETS, syntheticAudioTrack, syntheticSdp, syntheticTrack } from "#testing/synthetic-track.ts";
import { describeTracks, tracksOf } from "./sdp-tracks.ts";

const sdpOf = (...lines: readonly string[]) => parseSdp(Buffer.from(["v=0", "s=-", ...lines, ""].join("\r\n")))!;

test("medias become tracks in their order, numbered without holes", () => {
  const { usable, skipped } = tracksOf(
    sdpOf(
      "m=video 0 RTP/AVP 96",
      "a=rtpmap:96 H264/90000",
      "m=audio 0 RTP/AVP 97",
      "a=rtpmap:97 MPEG4-GENERIC/16000/1",
      "m=audio 0 RTP/AVP 0",
      "a=sendonly",
      "a=control:back",
      "m=audio 0 RTP/AVP 8",
      "m=application 0 RTP/AVP 107",
      "a=rtpmap:107 vnd.onvif.metadata/90000",
      "m=text 0 UDP 5",
      "m=video 0 RTP/AVP 26",
    ),
  );
  assert.deepEqual(
    usable.map(({ track }) => [track.index, track.kind, track.codec, track.clockRateHz]),
    [
      [0, "video", "h264", 90_000],
      [1, "audio", "g711", 8000],
      [2, "data", "generic", 90_000],
      [3, "video", "mjpeg", 90_000],
    ],
  );
  assert.equal(skipped.length, 3);
  assert.match(skipped[0]!, /^media 2 \(audio MPEG4-GENERIC\/16000\/1\): its settings/);
  assert.match(skipped[1]!, /^media 3 \(audio 0\): a back channel$/);
  assert.match(skipped[2]!, /^media 6 /);
});

test("broken, empty and missing parameter sets make a track without them", () => {
  for (const sprop of [undefined, "", ",", "bm9uc2Vuc2U=", "%%%"]) {
    const [first] = tracksOf(parseSdp(Buffer.from(syntheticSdp({ sprop })))!).usable;
    assert.deepEqual(first?.track.parameters, { codec: "h264", sps: [], pps: [] }, sprop);
  }
  const [first] = tracksOf(parseSdp(Buffer.from(syntheticSdp()))!).usable;
  assert.deepEqual(first?.track.parameters, { codec: "h264", sps: [SYNTHETIC_SETS.sps], pps: [SYNTHETIC_SETS.pps] });
});

test("what readers are told can be read again", () => {
  const tracks = [syntheticTrack(), syntheticAudioTrack()];
  const text = describeTracks(tracks, (track) => (track.kind === "audio" ? 8 : 96));
  const { usable, skipped } = tracksOf(parseSdp(Buffer.from(text))!);
  assert.deepEqual(skipped, []);
  assert.deepEqual(
    usable.map(({ track }) => track),
    tracks,
  );
  assert.deepEqual(
    usable.map(({ media }) => [media.control, media.formats[0]?.payloadType]),
    [
      ["trackID=0", 96],
      ["trackID=1", 8],
    ],
  );
});
