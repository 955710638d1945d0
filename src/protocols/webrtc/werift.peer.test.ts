// werift's own peer connection, which is no browser: it reads from us and publishes to us.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MediaStreamTrack, RTCPeerConnection, RTCRtpCodecParameters, RtpPacket } from "werift";
import { until } from "#testing/peers/until.ts";
import { watchUnits } from "#testing/peers/watch-units.ts";
import { PublishedPath } from "#testing/published-path.ts";
import { frameNumberOfPacket, SyntheticVideo } from "#testing/synthetic-track.ts";
import { frameNumberOfUnit, rtpOf } from "#testing/unit-tap.ts";
import { startWebRtcSite } from "#testing/webrtc-site.ts";

const H264 = new RTCRtpCodecParameters({
  mimeType: "video/H264",
  clockRate: 90_000,
  payloadType: 97,
  parameters: "profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1",
  rtcpFeedback: [{ type: "nack" }, { type: "nack", parameter: "pli" }],
});

async function negotiate(pc: RTCPeerConnection, url: string): Promise<void> {
  await pc.setLocalDescription(await pc.createOffer());
  const body = pc.localDescription!.sdp;
  const response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/sdp" }, body });
  assert.equal(response.status, 201, await response.clone().text());
  await pc.setRemoteDescription({ type: "answer", sdp: await response.text() });
}

test("it reads", async (t) => {
  const site = await startWebRtcSite();
  t.after(() => site.close());
  const gate = await PublishedPath.open(site.registry, "gate", { video: { maxPacketBytes: 1100 } });
  gate.frame(3);
  const pc = new RTCPeerConnection({ codecs: { video: [H264] }, iceServers: [] });
  t.after(() => pc.close());
  const numbers = new Set<number | undefined>();
  pc.addTransceiver("video", { direction: "recvonly" });
  pc.onTrack.subscribe((track) => track.onReceiveRtp.subscribe((packet) => void numbers.add(frameNumberOfPacket(packet.serialize()))));
  await negotiate(pc, site.whep("gate"));
  await until("it is connected", () => pc.connectionState === "connected");
  const timer = setInterval(() => gate.frame(), 20);
  t.after(() => clearInterval(timer));
  await until("frames", () => numbers.size >= 20);
});

test("it publishes", async (t) => {
  const site = await startWebRtcSite();
  t.after(() => site.close());
  const pc = new RTCPeerConnection({ codecs: { video: [H264] }, iceServers: [] });
  t.after(() => pc.close());
  const track = new MediaStreamTrack({ kind: "video" });
  pc.addTransceiver(track, { direction: "sendonly" });
  await negotiate(pc, site.whip("desk"));
  await until("it is connected", () => pc.connectionState === "connected");
  const camera = new SyntheticVideo({ payloadType: 97, maxPacketBytes: 1100 });
  const send = (): void => {
    for (const packet of rtpOf(camera.nextBurst())) track.writeRtp(RtpPacket.deSerialize(packet));
  };
  const timer = setInterval(send, 20);
  t.after(() => clearInterval(timer));
  await until("the path is available", () => site.registry.get("desk")?.state === "available");
  const units = await watchUnits(site, "desk");
  await until("frames", () => units.length >= 20);
  const numbers = units.map(frameNumberOfUnit);
  for (const [i, number] of numbers.entries()) if (i > 0) assert.equal(number, numbers[i - 1]! + 1);
});
