// Benchmark: from a camera to the screen, by a real browser: when a picture with a certain number was sent, and when it was shown.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Reader } from "#relay/reader.ts";
import { startCameras } from "#testing/camera/cameras.ts";
import { CLIP_FORMAT, loadClip } from "#testing/clip/clip.ts";
import { readFrameCounter } from "#testing/clip/frame-counter.ts";
import { openInChromium } from "#testing/peers/chromium-page.ts";
import { type Benchmark, compare, windowSecondsOf } from "./benchmark.ts";
import type { Sample } from "./harness.ts";
import type { Column } from "./report.ts";
import { type ServerKind, startServer } from "./server-under-test.ts";
import { percentile } from "./statistics.ts";

const PATH = "gate";
const STRIP_HEIGHT = 24;
const WARM_UP_MS = 4000;
/** The clip begins anew after 20 s: a picture that was sent longer ago is another one. */
const MAX_AGE_MS = 10_000;

const COLUMNS: readonly Column[] = [
  { figure: "shownP50Ms", title: "shown p50 ms", digits: 0, goal: 1 },
  { figure: "shownP99Ms", title: "shown p99 ms", digits: 0 },
  { figure: "firstPictureMs", title: "first picture ms", digits: 0 },
  { figure: "pictures", title: "pictures", digits: 0, compared: false },
];

export const webRtcGlass: Benchmark = {
  name: "webrtc-glass",
  summary: "WebRTC: from a camera over RTSP to a picture in Chromium, by the number in the picture",
  modest: [{}],
  run: async (options) => [
    await compare(options, {
      name: "webrtc-glass",
      load: "640 × 360 H.264, 25 frames/s, GOP 1 s, one viewer in Chromium without a graphics card",
      columns: COLUMNS,
      settings: [{ viewers: 1 }],
      measure: (kind) => measure(kind, 1000 * windowSecondsOf(options)),
    }),
  ],
};

async function measure(kind: ServerKind, windowMs: number): Promise<Sample> {
  const cleanups: (() => Promise<void>)[] = [];
  const scope = { after: (cleanup: () => Promise<void>): void => void cleanups.push(cleanup) };
  try {
    const camera = await startCameras({ port: 0, count: 1, login: undefined });
    scope.after(() => camera.close());
    const sentMs = new Map<number, number>();
    camera.registry.get(PATH)!.follow(numberWatch((number, atMs) => sentMs.set(number, atMs)));
    const server = await startServer(kind, [{ name: PATH, source: camera.url(PATH), transport: "tcp" }]);
    scope.after(() => server.stop());
    await sleep(WARM_UP_MS);
    const page = await openInChromium(scope, await blankPage(scope));
    await page.until("the page", "document.title === 'bench'");
    const firstPictureMs = await page.evaluate<number>(playerScript(server.whepUrl(PATH)));
    await sleep(WARM_UP_MS);
    await page.evaluate("shown.length = 0");
    const delaysMs: number[] = [];
    for (let leftMs = windowMs; leftMs > 0; leftMs -= 1000) {
      await sleep(1000);
      for (const [strip, atMs] of await page.evaluate<readonly (readonly [strip: string, atMs: number])[]>("shown.splice(0)")) {
        const number = numberIn(strip);
        const delayMs = number === undefined ? Number.NaN : atMs - (sentMs.get(number) ?? Number.NaN);
        if (delayMs >= 0 && delayMs < MAX_AGE_MS) delaysMs.push(delayMs);
      }
    }
    return { shownP50Ms: percentile(delaysMs, 0.5), shownP99Ms: percentile(delaysMs, 0.99), firstPictureMs, pictures: delaysMs.length };
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

/** A reader of the camera itself, that knows each frame by its bytes. */
function numberWatch(onFrame: (number: number, atMs: number) => void): Reader {
  const digest = (nals: readonly Buffer[]): string => {
    const hash = createHash("md5");
    for (const nal of nals) hash.update(nal);
    return hash.digest("hex");
  };
  const numbers = new Map(loadClip().frames.map(({ nals }, number) => [digest(nals), number]));
  return {
    name: "number watch",
    liveOnly: true,
    wants: ({ kind }) => (kind === "video" ? "frame" : undefined),
    onUnit: ({ frame }) => {
      const number = numbers.get(digest(frame!));
      if (number !== undefined) onFrame(number, performance.timeOrigin + performance.now());
    },
    onEnd: () => {},
  };
}

async function blankPage(scope: { after(cleanup: () => Promise<void>): void }): Promise<string> {
  const server = createServer((_, response) => response.setHeader("Content-Type", "text/html").end("<!doctype html><title>bench</title>"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Plays; resolves with the time to the first picture. From then on `shown` has the strip of numbers of each picture, and when it was shown. */
function playerScript(whep: string): string {
  return `(async () => {
    globalThis.shown = [];
    const pc = new RTCPeerConnection();
    pc.addTransceiver("video", { direction: "recvonly" });
    const video = document.body.appendChild(Object.assign(document.createElement("video"), { muted: true, autoplay: true }));
    pc.ontrack = ({ streams }) => { video.srcObject = streams[0]; };
    const startMs = performance.now();
    await pc.setLocalDescription(await pc.createOffer());
    const headers = { "Content-Type": "application/sdp" };
    const response = await fetch(${JSON.stringify(whep)}, { method: "POST", headers, body: pc.localDescription.sdp });
    await pc.setRemoteDescription({ type: "answer", sdp: await response.text() });
    const canvas = new OffscreenCanvas(${CLIP_FORMAT.width}, ${STRIP_HEIGHT}).getContext("2d", { willReadFrequently: true });
    return new Promise((resolve) => {
      const onFrame = () => {
        const atMs = performance.timeOrigin + performance.now();
        resolve(performance.now() - startMs);
        canvas.drawImage(video, 0, 0);
        const { data } = canvas.getImageData(0, 0, ${CLIP_FORMAT.width}, ${STRIP_HEIGHT});
        shown.push([String.fromCharCode(...Array.from({ length: data.length / 4 }, (_, i) => data[4 * i + 1] & 0x7e)), atMs]);
        video.requestVideoFrameCallback(onFrame);
      };
      video.requestVideoFrameCallback(onFrame);
    });
  })()`;
}

function numberIn(strip: string): number | undefined {
  const luma = Uint8Array.from(strip, (character) => 2 * character.charCodeAt(0));
  return readFrameCounter(luma, CLIP_FORMAT.width, STRIP_HEIGHT);
}
