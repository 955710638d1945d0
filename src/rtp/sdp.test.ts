import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { isBackChannel, parseSdp, SDP_LIMITS, type Sdp, writeSdp } from "./sdp.ts";

const TESTDATA = new URL("./testdata/", import.meta.url);

function fixture(name: string): Buffer {
  return readFileSync(new URL(`${name}.sdp`, TESTDATA));
}

function parsed(text: string | Buffer): Sdp {
  const sdp = parseSdp(text);
  assert.ok(sdp);
  return sdp;
}

/** Kind, control, direction, and payload types with rtpmap, of each media. */
function tracks(sdp: Sdp): readonly string[] {
  return sdp.medias.map(({ kind, control, direction, formats }) => {
    return [kind, control, direction, ...formats.map(({ payloadType, rtpmap }) => `${payloadType}=${rtpmap}`)].join(" ");
  });
}

describe("parseSdp on cameras and servers", () => {
  const expected: Record<string, readonly string[]> = {
    axis: ["video rtsp://192.168.0.90/axis-media/media.amp/stream=0?videocodec=h264&resolution=1280x720 recvonly 96=H264/90000"],
    dahua: [
      "video trackID=0 recvonly 98=H265/90000",
      "audio trackID=1 recvonly 97=MPEG4-GENERIC/16000",
      "application trackID=4 recvonly 107=vnd.onvif.metadata/90000",
      "audio trackID=5 sendonly 0=undefined 8=undefined 97=MPEG4-GENERIC/16000",
    ],
    ffmpeg: ["video streamid=0  96=H264/90000", "audio streamid=1  97=MPEG4-GENERIC/44100/1"],
    gstreamer: ["video stream=0  96=H264/90000"],
    hikvision: [
      "video rtsp://192.168.1.64:554/Streaming/Channels/101/trackID=1 recvonly 96=H264/90000",
      "audio rtsp://192.168.1.64:554/Streaming/Channels/101/trackID=2 recvonly 8=PCMA/8000",
      "application rtsp://192.168.1.64:554/Streaming/Channels/101/trackID=3 recvonly 107=vnd.onvif.metadata/90000",
    ],
    live555: ["video track1  96=H264/90000"],
    "mismatched-fmtp": ["video track1  96=H264/90000", "audio track2  104=mpeg4-generic/16000/1"],
    reolink: ["video track1 recvonly 96=H264/90000", "audio track2 recvonly 97=MPEG4-GENERIC/16000", "audio track3 sendonly 0=PCMU/8000"],
    tapo: ["video track1  96=H264/90000", "audio track2  8=PCMA/8000", "application/tp-link track3 "],
  };

  it("reads their tracks", () => {
    const names = readdirSync(TESTDATA)
      .filter((name) => name.endsWith(".sdp"))
      .map((name) => name.slice(0, -".sdp".length));
    assert.deepEqual(names.toSorted(), Object.keys(expected));
    for (const [name, medias] of Object.entries(expected)) assert.deepEqual(tracks(parsed(fixture(name))), medias, name);
  });

  it("reads all fields of one", () => {
    const sdp = parsed(fixture("hikvision"));
    const { medias, ...session } = sdp;
    assert.deepEqual(session, {
      origin: "- 1109162014219182 1109162014219192 IN IP4 192.168.1.64",
      sessionName: "Media Presentation",
      control: "rtsp://192.168.1.64:554/Streaming/Channels/101/",
      range: undefined,
      connection: undefined,
      bandwidth: [{ type: "AS", value: 5100 }],
      attributes: [],
    });
    assert.deepEqual(medias[0], {
      kind: "video",
      port: 0,
      protocol: "RTP/AVP",
      formats: [
        {
          payloadType: 96,
          rtpmap: "H264/90000",
          fmtp: "profile-level-id=420029; packetization-mode=1; sprop-parameter-sets=Z00AKpY1QPAET8s3AQEBQAABwgAAV+QB,aO48gA==",
        },
      ],
      control: "rtsp://192.168.1.64:554/Streaming/Channels/101/trackID=1",
      direction: "recvonly",
      connection: { family: "IP4", address: "0.0.0.0", ttl: undefined },
      bandwidth: [{ type: "AS", value: 5000 }],
      attributes: [{ name: "x-dimensions", value: "1920,1080" }],
    });
    assert.equal(parsed(fixture("dahua")).range, "npt=now-");
  });

  it("reads back what it wrote of them", () => {
    for (const name of Object.keys(expected)) {
      const sdp = parsed(fixture(name));
      assert.deepEqual(parseSdp(writeSdp(sdp)), sdp, name);
    }
  });

  it("does not care for the line end", () => {
    const text = fixture("dahua").toString();
    for (const end of ["\n", "\r", "\r\n\r\n", "\r\n\0"]) assert.deepEqual(parseSdp(text.replaceAll("\r\n", end)), parseSdp(text));
  });
});

describe("parseSdp", () => {
  const formats = (...lines: string[]) => parsed(lines.join("\n")).medias[0]?.formats.map((format) => Object.values(format));

  it("matches fmtp and rtpmap by number, and by position where the number is wrong", () => {
    assert.deepEqual(parsed(fixture("mismatched-fmtp")).medias[1]?.formats[0]?.fmtp?.includes("config=1408"), true);
    assert.deepEqual(formats("m=video 0 RTP/AVP 96 97", "a=fmtp:97 b", "a=rtpmap:97 H265/90000", "a=fmtp:96 a", "a=rtpmap:96 H264/90000"), [
      [96, "H264/90000", "a"],
      [97, "H265/90000", "b"],
    ]);
    assert.deepEqual(formats("m=audio 0 RTP/AVP 96 97", "a=rtpmap:96 A/1", "a=rtpmap:97 B/1", "a=fmtp:96 a", "a=fmtp:99 b"), [
      [96, "A/1", "a"],
      [97, "B/1", "b"],
    ]);
    assert.deepEqual(formats("m=audio 0 RTP/AVP 97", "a=rtpmap:104 A/1", "a=fmtp:104 a"), [[97, "A/1", "a"]]);
    assert.deepEqual(
      formats("m=audio 0 RTP/AVP 97", "a=rtpmap:97 A/1", "a=rtpmap:98 B/1", "a=fmtp:97 a"),
      [[97, "A/1", "a"]],
      "nothing left for 98",
    );
  });

  it("joins several fmtp lines and keeps the first rtpmap", () => {
    assert.deepEqual(formats("m=video 0 RTP/AVP 96", "a=rtpmap: 96 A/1", "a=rtpmap:96 B/1", "a=fmtp:96 a=1", "a=fmtp:96  b=2"), [
      [96, "A/1", "a=1;b=2"],
    ]);
  });

  it("gives a media the session's direction", () => {
    const sdp = parsed("v=0\na=recvonly\nm=video 0 RTP/AVP 96\nm=audio 0 RTP/AVP 0\na=SENDONLY");
    assert.deepEqual(
      sdp.medias.map(({ direction }) => direction),
      ["recvonly", "sendonly"],
    );
  });

  it("reads multicast connections, port counts, and what is no number", () => {
    const sdp = parsed(
      "c=IN IP4 239.1.2.3/127/2\nm=Video 5004/2 rtp/avp 96 x 128 97\nc=in ip6 ff15::101/3\nm=audio x\nm=\nb=AS:x\nb=TIAS:64000",
    );
    assert.deepEqual(sdp.connection, { family: "IP4", address: "239.1.2.3", ttl: 127 });
    const [video, audio] = sdp.medias;
    assert.deepEqual(
      [video?.kind, video?.port, video?.protocol, video?.formats.map((one) => one.payloadType)],
      ["video", 5004, "RTP/AVP", [96, 97]],
    );
    assert.deepEqual(video?.connection, { family: "IP6", address: "ff15::101", ttl: undefined });
    assert.deepEqual([audio?.kind, audio?.port, audio?.protocol, audio?.formats.length], ["audio", 0, "", 0]);
    assert.deepEqual(audio?.bandwidth, [{ type: "TIAS", value: 64000 }]);
    assert.equal(sdp.medias.length, 2);
  });

  it("skips what it does not know, a byte order mark included", () => {
    const sdp = parsed("\ufeffv=0\n  s = x  \n=\nk=clear:x\nnonsense\na\na=\na=flag\na=x:y:z\n");
    assert.equal(sdp.sessionName, "x");
    assert.deepEqual(sdp.attributes, [
      { name: "flag", value: undefined },
      { name: "x", value: "y:z" },
    ]);
  });

  const media = "m=video 0 RTP/AVP 96\n";
  const { sizeBytes, medias, formats: maxFormats, fmtpBytes, attributes } = SDP_LIMITS;
  const payloadTypes = (count: number) => `m=video 0 RTP/AVP${Array.from({ length: count }, (_, i) => ` ${i}`).join("")}\n`;
  const limits: readonly [name: string, fits: string, tooMuch: string][] = [
    ["size", `v=0\n${"x".repeat(sizeBytes - 4)}`, `v=0\n${"x".repeat(sizeBytes - 3)}`],
    ["medias", media.repeat(medias), media.repeat(medias + 1)],
    ["formats", payloadTypes(maxFormats), payloadTypes(maxFormats + 1)],
    ["fmtp", `${media}a=fmtp:96 ${"x".repeat(fmtpBytes)}`, `${media}a=fmtp:96 ${"x".repeat(fmtpBytes + 1)}`],
    ["fmtp in pieces", `${media}a=fmtp:96 x\n`.repeat(1), `${media}${`a=fmtp:96 ${"x".repeat(1000)}\n`.repeat(9)}`],
    ["attributes", `v=0\n${"a=x\n".repeat(attributes)}`, `v=0\n${"a=x\n".repeat(attributes + 1)}`],
    ["anything", "s=", "hello\n<html>"],
    ["anything at all", "v=0", ""],
  ];
  for (const [name, fits, tooMuch] of limits) {
    it(`limits ${name}`, () => {
      assert.notEqual(parseSdp(fits), undefined);
      assert.equal(parseSdp(tooMuch), undefined);
      assert.equal(parseSdp(Buffer.from(tooMuch)), undefined);
    });
  }
});

describe("parseSdp on mutated descriptions", () => {
  it("returns one within the limits that reads back from what writeSdp makes of it, or undefined", () => {
    const random = fuzzRandom(8866);
    let read = 0;
    for (const name of readdirSync(TESTDATA)) {
      const bytes = readFileSync(new URL(name, TESTDATA));
      for (let round = 0; round < fuzzRounds(500); round++) {
        const sdp = parseSdp(mutate(bytes, random));
        if (sdp === undefined) continue;
        read++;
        assert.ok(sdp.medias.length <= SDP_LIMITS.medias);
        assert.deepEqual(tracks(parsed(writeSdp(sdp))).length, sdp.medias.length);
      }
    }
    assert.ok(read > 0);
  });
});

describe("writeSdp", () => {
  it("writes the lines in the order of RFC 8866 §5", () => {
    const sdp: Sdp = {
      origin: undefined,
      sessionName: "",
      control: "*",
      range: "npt=now-",
      connection: { family: "IP4", address: "239.1.2.3", ttl: 16 },
      bandwidth: [{ type: "AS", value: 1 }],
      attributes: [{ name: "tool", value: "camgate\r\na=evil" }],
      medias: [
        {
          kind: "video",
          port: 5000,
          protocol: "RTP/AVP",
          formats: [
            { payloadType: 96, rtpmap: "H264/90000", fmtp: "packetization-mode=1" },
            { payloadType: 26, rtpmap: undefined, fmtp: undefined },
          ],
          control: "trackID=0",
          direction: "recvonly",
          connection: { family: "IP6", address: "::", ttl: undefined },
          bandwidth: [{ type: "TIAS", value: 64000 }],
          attributes: [{ name: "rtcp-mux", value: undefined }],
        },
      ],
    };
    assert.deepEqual(writeSdp(sdp).split("\r\n"), [
      "v=0",
      "o=- 0 0 IN IP4 127.0.0.1",
      "s=-",
      "c=IN IP4 239.1.2.3/16",
      "b=AS:1",
      "t=0 0",
      "a=control:*",
      "a=range:npt=now-",
      "a=tool:camgate  a=evil",
      "m=video 5000 RTP/AVP 96 26",
      "c=IN IP6 ::",
      "b=TIAS:64000",
      "a=recvonly",
      "a=rtpmap:96 H264/90000",
      "a=fmtp:96 packetization-mode=1",
      "a=rtcp-mux",
      "a=control:trackID=0",
      "",
    ]);
  });
});

describe("isBackChannel", () => {
  const backChannels = (text: string | Buffer) => {
    const sdp = parsed(text);
    return sdp.medias.filter((media) => isBackChannel(media, sdp)).map(({ control }) => control);
  };

  it("is the audio that the client is to send", () => {
    assert.deepEqual(backChannels(fixture("dahua")), ["trackID=5"]);
    assert.deepEqual(backChannels(fixture("reolink")), ["track3"]);
    assert.deepEqual(backChannels(fixture("hikvision")), []);
  });

  it("is not the audio of a server that calls its video sendonly as well", () => {
    assert.deepEqual(backChannels("m=video 0 RTP/AVP 96\na=sendonly\nm=audio 0 RTP/AVP 0\na=sendonly\na=control:1"), []);
  });
});
