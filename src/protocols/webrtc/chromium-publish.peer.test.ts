// Chromium publishes over the bare WHIP API, and another connection of it plays what was published.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DatagramRelay } from "#testing/datagram-relay.ts";
import { chromium, runInChromium } from "#testing/peers/chromium.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { until } from "#testing/peers/until.ts";
import { watchUnits } from "#testing/peers/watch-units.ts";
import { startWebRtcSite, type WebRtcSite } from "#testing/webrtc-site.ts";

const FRAMES = 40;

interface RoundTrip {
  readonly framesDecoded: number;
  readonly audioPackets: number;
  readonly mimeTypes: readonly string[];
  /** Keyframes that the publisher was asked for. */
  readonly keyframesAsked: number;
}

/** A picture that changes, and a tone: published, then read until so many pictures were shown. */
function roundTripScript(site: WebRtcSite, path: string, codec: string, frames = FRAMES, relay?: DatagramRelay): string {
  const answer = relay === undefined ? "answer" : `answer.replaceAll(" ${site.webrtc.udpPort} typ", " ${relay.port} typ")`;
  return `
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
  document.body.append(canvas);
  const context = canvas.getContext("2d");
  let drawn = 0;
  setInterval(() => {
    context.fillStyle = "hsl(" + ((drawn++ * 3) % 360) + ", 80%, 50%)";
    context.fillRect(0, 0, 640, 360);
    context.fillStyle = "black";
    context.font = "80px sans-serif";
    context.fillText(String(drawn), 100, 200);
  }, 40);
  const stream = canvas.captureStream(25);
  const sound = new AudioContext();
  const tone = sound.createOscillator();
  const sink = sound.createMediaStreamDestination();
  tone.connect(sink);
  tone.start();
  stream.addTrack(sink.stream.getAudioTracks()[0]);
  const negotiate = async (pc, url) => {
    await pc.setLocalDescription(await pc.createOffer());
    const headers = { "Content-Type": "application/sdp" };
    const response = await fetch(url, { method: "POST", headers, body: pc.localDescription.sdp });
    const answer = await response.text();
    if (response.status === 404) return false;
    if (response.status !== 201) throw new Error(response.status + " " + answer);
    await pc.setRemoteDescription({ type: "answer", sdp: ${answer} });
    return true;
  };
  const publisher = new RTCPeerConnection();
  for (const track of stream.getTracks()) {
    const transceiver = publisher.addTransceiver(track, { direction: "sendonly", streams: [stream] });
    if (track.kind !== "video") continue;
    transceiver.setCodecPreferences(RTCRtpSender.getCapabilities("video").codecs.filter(({ mimeType }) => mimeType === "video/${codec}"));
  }
  await negotiate(publisher, "${site.whip(path)}");
  const reader = new RTCPeerConnection();
  for (const kind of ["video", "audio"]) reader.addTransceiver(kind, { direction: "recvonly" });
  const video = Object.assign(document.createElement("video"), { muted: true, autoplay: true });
  document.body.append(video);
  reader.ontrack = (event) => { video.srcObject = event.streams[0]; };
  while (!(await negotiate(reader, "${site.whep(path)}"))) await new Promise((resolve) => setTimeout(resolve, 50));
  let shown = 0;
  await new Promise((resolve) => {
    const onFrame = () => { if (++shown >= ${frames}) resolve(); else video.requestVideoFrameCallback(onFrame); };
    video.requestVideoFrameCallback(onFrame);
  });
  const received = [...(await reader.getStats()).values()];
  const sent = [...(await publisher.getStats()).values()];
  reader.close();
  publisher.close();
  return {
    framesDecoded: received.find(({ type, kind }) => type === "inbound-rtp" && kind === "video").framesDecoded,
    audioPackets: received.find(({ type, kind }) => type === "inbound-rtp" && kind === "audio").packetsReceived,
    mimeTypes: received.filter(({ type }) => type === "codec").map(({ mimeType }) => mimeType).sort(),
    keyframesAsked: sent.find(({ type, kind }) => type === "outbound-rtp" && kind === "video").pliCount,
  };`;
}

for (const codec of ["H264", "VP8", "VP9", "AV1"]) {
  test(`${codec} and Opus, published and read`, { skip: missingOf(chromium) }, async (t) => {
    const site = await startWebRtcSite();
    t.after(() => site.close());
    const trip = await runInChromium<RoundTrip>(t, { script: roundTripScript(site, "desk", codec) });
    assert.ok(trip.framesDecoded >= FRAMES && trip.audioPackets > 20, JSON.stringify(trip));
    assert.deepEqual(trip.mimeTypes, ["audio/opus", `video/${codec}`]);
    assert.ok(trip.keyframesAsked > 0);
    await until("the sessions end with their page", () => site.sessions.list("webRTCSession").length === 0);
    assert.equal(site.registry.get("desk"), undefined);
  });
}

test("1 % of the packets lost both ways and 50 ms of jitter: nearly every frame of a publisher arrives whole", {
  skip: missingOf(chromium),
}, async (t) => {
  const site = await startWebRtcSite();
  t.after(() => site.close());
  const relay = await DatagramRelay.start(site.webrtc.udpPort!, { loss: 0.01, jitterMs: 50 });
  t.after(() => relay.close());
  const played = runInChromium<RoundTrip>(t, { script: roundTripScript(site, "desk", "VP8", 150, relay) });
  await until("the path is available", () => site.registry.get("desk")?.state === "available");
  const units = await watchUnits(site, "desk");
  const trip = await played;
  const frames = units.filter(({ track }) => track.kind === "video");
  const damaged = frames.filter((unit) => unit.damaged);
  assert.ok(frames.length >= 150 && damaged.length <= 3, `${damaged.length} of ${frames.length}`);
  assert.ok(trip.framesDecoded >= 150);
});
