import assert from "node:assert/strict";
import { test } from "node:test";
import { BitWriter } from "#base/bit-writer.ts";
import { readAdtsFrames } from "#testing/coded-clip.ts";
import { readLoasFile } from "#testing/elementary-streams.ts";
import { readAudioMuxElement, writeAudioMuxElement } from "./audio-mux-element.ts";
import { parseAacConfig } from "./config.ts";
import { parseStreamMuxConfig, type StreamMuxConfig } from "./stream-mux-config.ts";

const frames = readAdtsFrames(new URL("../testdata/aac-lc.aac", import.meta.url));
/** As FFmpeg writes it into SDP: AAC-LC, 48 kHz, stereo. */
const SDP_CONFIG = Buffer.from("400023203fc0", "hex");

test("the configuration of SDP", () => {
  assert.deepEqual(parseStreamMuxConfig(SDP_CONFIG), { aacConfig: Buffer.from("1190", "hex"), framesPerElement: 1, otherDataBits: 0 });
  for (let length = 0; length < 6; length++) assert.equal(parseStreamMuxConfig(SDP_CONFIG.subarray(0, length)), undefined);
  assert.equal(parseStreamMuxConfig(Buffer.from("400823203fc0", "hex")), undefined, "two programmes");
  assert.equal(parseStreamMuxConfig(Buffer.from("000023203fc0", "hex")), undefined, "frames of other times");
  assert.equal(parseStreamMuxConfig(Buffer.from("c00023203fc0", "hex")), undefined, "a version that is not there yet");
});

test("FFmpeg's elements with the configuration in every twentieth give back the frames", () => {
  const elements = readLoasFile(new URL("../testdata/aac-lc.latm", import.meta.url));
  let known: StreamMuxConfig | undefined;
  let repeated = 0;
  const got = elements.map((bytes) => {
    if (bytes[0]! >> 7 === 0) repeated++;
    const element = readAudioMuxElement(bytes, 0, true, known)!;
    known = element.config;
    assert.equal(element.end, bytes.length);
    return element.frames[0]!;
  });
  assert.deepEqual(got, frames);
  assert.ok(repeated > 0 && repeated < elements.length);
  assert.equal(readAudioMuxElement(elements[1]!, 0, true, undefined), undefined, "the configuration did not come yet");
});

test("several frames in an element, in band and out of band", () => {
  const writer = new BitWriter().bits(0, 1).bits(1, 1).bits(2, 6).bits(0, 7); // three frames
  writer.bits(0x1190, 16).bits(0, 3).bits(0xff, 8).bits(0, 2);
  const bytes = writer.finish();
  const config = parseStreamMuxConfig(bytes)!;
  assert.equal(config.framesPerElement, 3);
  const three = frames.slice(0, 3);
  for (const [streamMux, inBand] of [
    [bytes, true],
    [undefined, false],
  ] as const) {
    const written = writeAudioMuxElement(three, streamMux);
    assert.deepEqual(readAudioMuxElement(written, 0, inBand, inBand ? undefined : config), {
      frames: three,
      config,
      end: written.length,
    });
    assert.equal(readAudioMuxElement(written.subarray(0, -1), 0, inBand, config), undefined, "cut short");
  }
});

test("lengths of 254 to 511, and other data behind the frames", () => {
  const config: StreamMuxConfig = { aacConfig: Buffer.alloc(0), framesPerElement: 1, otherDataBits: 12 };
  for (const length of [254, 255, 256, 509, 510, 511]) {
    const written = Buffer.concat([writeAudioMuxElement([Buffer.alloc(length, 7)], undefined), Buffer.alloc(2)]);
    const element = readAudioMuxElement(written, 0, false, config)!;
    assert.equal(element.frames[0]!.length, length);
    assert.equal(element.end, written.length);
  }
});

test("version 1 says how long the AAC configuration is", () => {
  // AAC-LC at 24 kHz, and behind it the sign of SBR at 48 kHz.
  const writer = new BitWriter().bits(1, 1).bits(0, 1).bits(0, 2).bits(0xff, 8); // taraBufferFullness
  writer.bits(1, 1).bits(0, 6).bits(0, 7);
  writer.bits(0, 2).bits(40, 8).bits(0x1310, 16).bits(0x2b7, 11).bits(5, 5).bits(1, 1).bits(3, 4).bits(0, 3);
  writer.bits(0, 3).bits(0xff, 8).bits(1, 1).bits(0, 2).bits(16, 8).bits(1, 1).bits(0xaa, 8);
  const config = parseStreamMuxConfig(writer.finish())!;
  assert.equal(config.otherDataBits, 16);
  assert.equal(parseAacConfig(config.aacConfig)?.sbrSampleRateHz, 48_000, "SBR is signalled behind it");
});
