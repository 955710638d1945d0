// Load process: viewers over WHEP that only count. They check and shake hands as browsers do, and leave the packets encrypted.
import { makeIdentity } from "#protocols/webrtc/dtls/identity.ts";
import { serveLoad } from "./load-messages.ts";
import { RtpGaps } from "./rtp-gaps.ts";
import { view } from "./whep-viewer.ts";

export interface WhepOptions {
  readonly url: string;
  readonly viewers: number;
}

/** Viewers that are set up at the same time. */
const SETUP_WIDTH = 4;

await serveLoad(async ({ url, viewers }: WhepOptions) => {
  const identity = makeIdentity();
  const totals = { bytes: 0, packets: 0 };
  const gaps: RtpGaps[] = [];
  let next = 0;
  let setUpMs = 0;
  const setUp = async (): Promise<void> => {
    while (next++ < viewers) {
      const gap = new RtpGaps();
      gaps.push(gap);
      const startedMs = performance.now();
      await view(url, identity, (bytes) => {
        totals.bytes += bytes.length;
        totals.packets += 1;
        gap.push(bytes);
      });
      setUpMs += performance.now() - startedMs;
    }
  };
  await Promise.all(Array.from({ length: SETUP_WIDTH }, setUp));
  return { counters: () => ({ ...totals, lost: gaps.reduce((sum, { lost }) => sum + lost, 0), setUpMs: setUpMs / viewers }) };
});
