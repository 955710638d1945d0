// A guide's block on WHEP sources: a path that is pulled from another gateway over HTTPS, read over RTSP, and what the API says of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { freeTcpPort, freeUdpPort } from "../free-ports.ts";
import { startCamgate } from "../peers/camgate.ts";
import { ffmpeg } from "../peers/ffmpeg.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { until } from "../peers/until.ts";
import { writeSelfSigned } from "../self-signed.ts";
import { ALL_OTHERS, assertEndsCleanly, probe, THREE_LINES, withClip } from "./guide-program.ts";

interface PathItem {
  readonly source: { readonly type: string; readonly id: string } | null;
  readonly ready: boolean;
  readonly tracks: readonly string[];
}

test("wheps:// between two gateways", { skip: ffmpeg.missing }, async (t) => {
  const { keyFile, certFile, fingerprint } = await writeSelfSigned(await temporaryFolder(t));
  const [port, udpPort] = [await freeTcpPort(0), await freeUdpPort(0)];
  const origin = await startCamgate(t, {
    config: `webrtcEncryption: yes\nwebrtcServerKey: ${keyFile}\nwebrtcServerCert: ${certFile}\n${ALL_OTHERS}`,
    env: { MTX_WEBRTC: "yes", MTX_WEBRTCADDRESS: `127.0.0.1:${port}`, MTX_WEBRTCLOCALUDPADDRESS: `127.0.0.1:${udpPort}` },
  });
  await origin.process.match(/\[WebRTC\] listener opened/);
  await withClip(t, origin, "gate");
  const paths = `paths:
  proxied:
    source: wheps://127.0.0.1:${port}/gate/whep
    sourceFingerprint: ${fingerprint}
  stranger:
    source: wheps://127.0.0.1:${port}/gate/whep
`;
  const program = await startCamgate(t, { config: `${THREE_LINES}${paths}` });
  const get = async (name: string): Promise<PathItem> =>
    (await (await fetch(`${program.apiOrigin}/v3/paths/get/${name}`)).json()) as PathItem;
  const { source, tracks } = await until("proxied is ready", async () => {
    const path = await get("proxied");
    return path.ready && path;
  });
  assert.deepEqual([source!.type, source!.id, tracks], ["webRTCSource", "", ["H264"]]);
  const [stream] = await probe(t, program.url("proxied"));
  assert.equal(stream!.codec_name, "h264");
  await program.process.match(/\[path stranger\] source: no authority vouches for its certificate .*fingerprint is [0-9a-f]{64}/);
  const stranger = await get("stranger");
  assert.deepEqual([stranger.source!.type, stranger.ready], ["webRTCSource", false]);
  await assertEndsCleanly(program);
});
