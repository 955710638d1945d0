import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ntpToUtcUs, parseRtcp, writeSenderReport } from "#rtp/rtcp.ts";
import { playOverTcp, RawRtspClient } from "#testing/raw-rtsp-client.ts";
import { pulled, startSite } from "#testing/rtsp-site.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { frameNumberOfPacket, SYNTHETIC_CLOCK_HZ, SYNTHETIC_FRAME_TICKS } from "#testing/synthetic-track.ts";

const FIRST_TIMESTAMP = 0xffff_f000;
const FRAME_MS = 4;
const FRAMES_PER_REPORT = 25;

/** What the camera's clock says at frame n, µs since 1970. */
type CameraClock = (frame: number) => number;

/** A frame as a client sees it: its number, and the UTC that the newest sender report gives it. */
interface SeenFrame {
  readonly number: number;
  readonly utcUs: number;
}

class Setup {
  readonly camera: ScriptedCamera;
  frame = 0;
  private client!: RawRtspClient;

  private constructor(camera: ScriptedCamera) {
    this.camera = camera;
  }

  /** A camera that a site pulls, and a client of the site. */
  static async start(t: TestContext, absoluteTime: boolean, clock: CameraClock): Promise<Setup> {
    const camera = await ScriptedCamera.start({ frameMs: 0, video: { firstTimestamp: FIRST_TIMESTAMP } });
    const site = await startSite({ paths: { cam: { source: pulled(camera.url(), { transport: "tcp" }), absoluteTime } } });
    t.after(async () => {
      await site.close();
      await camera.close();
    });
    const setup = new Setup(camera);
    while (site.registry.get("cam")?.state !== "available") await setup.send(5, clock);
    setup.client = await RawRtspClient.connect(site.port);
    t.after(() => setup.client.close());
    await playOverTcp(setup.client, site.url("cam"));
    return setup;
  }

  /** Frames of the newest connection, with a report before every 25th. */
  async send(count: number, clock: CameraClock): Promise<void> {
    for (let i = 0; i < count; i++) {
      const connection = this.camera.connections.at(-1);
      if (connection?.playing !== true) {
        await sleep(FRAME_MS);
        continue;
      }
      if (this.frame % FRAMES_PER_REPORT === 1) {
        const report = writeSenderReport({
          ssrc: connection.video.ssrc,
          utcUs: clock(this.frame),
          timestamp: (this.frame * SYNTHETIC_FRAME_TICKS + FIRST_TIMESTAMP) >>> 0,
          packets: 1,
          octets: 1,
        });
        connection.socket.write(Buffer.concat([Buffer.from([0x24, 1, 0, report.length]), report]));
      }
      connection.sendFrame();
      this.frame++;
      await sleep(FRAME_MS);
    }
  }

  /** The live frames that the client has, each with its time by the report before it. */
  async seen(): Promise<readonly SeenFrame[]> {
    await this.client.when("the last frame", () => this.numbers().at(-1) === this.frame - 1);
    const frames: SeenFrame[] = [];
    let report: { readonly utcUs: number; readonly timestamp: number } | undefined;
    for (const { channel, bytes } of this.client.packets) {
      if (channel === 1) {
        const [packet] = parseRtcp(bytes, 0, bytes.length);
        if (packet?.kind === "sender-report") {
          report = { utcUs: ntpToUtcUs(packet.ntpSeconds, packet.ntpFraction), timestamp: packet.timestamp };
        }
        continue;
      }
      const number = frameNumberOfPacket(bytes);
      if (number === undefined || report === undefined) continue;
      const ticks = (bytes.readUInt32BE(4) - report.timestamp) | 0;
      frames.push({ number, utcUs: report.utcUs + (ticks * 1e6) / SYNTHETIC_CLOCK_HZ });
    }
    return frames;
  }

  private numbers(): number[] {
    return this.client.on(0).flatMap((packet) => frameNumberOfPacket(packet) ?? []);
  }
}

const HOUR_US = 3600e6;
const frameUs = (frame: number): number => frame * 40_000;
/** An hour and some behind: unlike ours beyond doubt. */
const baseUs = Date.now() * 1000 - HOUR_US;

function assertNear(frames: readonly SeenFrame[], clock: CameraClock, atLeast: number): void {
  assert.ok(frames.length >= atLeast, `${frames.length} frames`);
  for (const { number, utcUs } of frames) {
    assert.ok(Math.abs(utcUs - clock(number)) <= 1000, `frame ${number} is ${(utcUs - clock(number)) / 1000} ms off`);
  }
}

describe("useAbsoluteTimestamp", () => {
  test("clients read the camera's own time within a millisecond", async (t) => {
    const clock: CameraClock = (frame) => baseUs + frameUs(frame);
    const setup = await Setup.start(t, true, clock);
    await setup.send(150, clock);
    const frames = (await setup.seen()).filter(({ number }) => number > 100);
    assertNear(frames, clock, 40);
  });

  test("a step of the camera's clock is followed once two reports say the same", async (t) => {
    let stepAt = Number.POSITIVE_INFINITY;
    const clock: CameraClock = (frame) => baseUs + frameUs(frame) - (frame >= stepAt ? HOUR_US : 0);
    const setup = await Setup.start(t, true, clock);
    await setup.send(100, clock);
    stepAt = setup.frame;
    await setup.send(100, clock);
    const frames = await setup.seen();
    assertNear(
      frames.filter(({ number }) => number > stepAt - 20 && number < stepAt),
      clock,
      19,
    );
    assertNear(
      frames.filter(({ number }) => number > stepAt + 2 * FRAMES_PER_REPORT + 2),
      clock,
      40,
    );
  });

  test("300 ppm between the camera's RTP and wall clock stay within a millisecond", async (t) => {
    const clock: CameraClock = (frame) => baseUs + frameUs(frame) * (1 + 300e-6);
    const setup = await Setup.start(t, true, clock);
    await setup.send(300, clock);
    assertNear(
      (await setup.seen()).filter(({ number }) => number > 110),
      clock,
      150,
    );
  });

  test("without it clients read our time, whatever the camera says", async (t) => {
    const clock: CameraClock = (frame) => baseUs + frameUs(frame);
    const setup = await Setup.start(t, false, clock);
    await setup.send(100, clock);
    const [last] = (await setup.seen()).slice(-1);
    assert.ok(last !== undefined && Math.abs(last.utcUs - Date.now() * 1000) < HOUR_US / 2);
  });
});
