// Load process: one viewer over WHEP that looks into the packets of a synthetic camera and measures how long they took through the server.
import { openSrtpLadder } from "#native/srtp-ladder.ts";
import { makeIdentity } from "#protocols/webrtc/dtls/identity.ts";
import { openSrtpReceiver } from "#rtp/srtp/srtp-receiver.ts";
import { monotonicUs } from "./frame-schedule.ts";
import { serveLoad } from "./load-messages.ts";
import { percentile } from "./statistics.ts";
import { readCameraPacket } from "./synthetic-h264.ts";
import { view } from "./whep-viewer.ts";

export interface WhepProbeOptions {
  readonly url: string;
  /** The frames of a GOP cache are old when they arrive, and code is compiled first: what arrives before is not counted. */
  readonly warmUpMs: number;
}

/** An ordinary frame has 12 of them, a keyframe 100. */
const KEYFRAME_PACKETS = 50;

await serveLoad(async ({ url, warmUpMs }: WhepProbeOptions) => {
  const firstPacketUs: number[] = [];
  const lastPacketUs: number[] = [];
  const keyframeUs: number[] = [];
  const startedUs = monotonicUs();
  const { makeCipher } = await openSrtpLadder();
  let sentAtUs: number | undefined;
  let packets = 0;
  let look: (rtp: Buffer) => void = () => {};
  const keys = await view(url, makeIdentity(), (bytes) => look(bytes));
  const receiver = openSrtpReceiver(keys.remote, makeCipher)!;
  look = (bytes) => {
    const nowUs = monotonicUs();
    const end = receiver.unprotect(bytes, 0, bytes.length);
    if (nowUs - startedUs < warmUpMs * 1000) return;
    if (end === undefined) return;
    // Servers cut packets anew: the first one of a frame still begins as it did, and the camera sent the others at the same time.
    const packet = readCameraPacket(bytes.subarray(0, end));
    if (packet?.first) {
      sentAtUs = packet.sentAtUs;
      firstPacketUs.push(nowUs - sentAtUs);
      packets = 0;
    }
    packets++;
    if ((bytes[1]! & 0x80) === 0 || sentAtUs === undefined) return;
    lastPacketUs.push(nowUs - sentAtUs);
    if (packets >= KEYFRAME_PACKETS) keyframeUs.push(nowUs - sentAtUs);
  };
  return {
    counters: () => ({
      frames: lastPacketUs.length,
      firstPacketP50Us: percentile(firstPacketUs, 0.5),
      firstPacketP99Us: percentile(firstPacketUs, 0.99),
      lastPacketP50Us: percentile(lastPacketUs, 0.5),
      lastPacketP99Us: percentile(lastPacketUs, 0.99),
      keyframeP50Us: percentile(keyframeUs, 0.5),
    }),
  };
});
