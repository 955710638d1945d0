// A page in Chromium that plays over the bare WHEP API, and what it saw.
export interface Played {
  /** Decoded. */
  readonly frames: number;
  /** From the offer to the first picture, ms. */
  readonly firstMs: number;
  /** Ids of the media streams that the tracks came in. */
  readonly streams: readonly string[];
  readonly audioPackets: number;
  /** Of sound, that were played; and what it took of energy: 0 for silence. */
  readonly audioSamples: number;
  readonly audioEnergy: number;
  /** The time of the sound less that of the picture, by the sender, as they are played; ms. */
  readonly lipSyncMs: number;
  /** Of what was negotiated: `video/H264`, … */
  readonly mimeTypes: readonly string[];
  /** The longest that one picture stood, ms. */
  readonly longestMs: number;
  readonly nacks: number;
  readonly answer: string;
  /** The time of what is shown, by the sender, less the time of the clock here, ms. */
  readonly clockMs: number;
}

/**
 * A script for `runInChromium`: plays until so many pictures were shown, and so many packets of sound came. `relay`: the port that media comes from, in the
 * place of the server's.
 */
export function whepScript(
  url: string,
  {
    frames,
    audioPackets = 0,
    muted = true,
    relay,
  }: {
    readonly frames: number;
    readonly audioPackets?: number;
    /** A page that is muted plays silence. */
    readonly muted?: boolean;
    readonly relay?: { readonly port: number; readonly serverPort: number };
  },
): string {
  const answer = relay === undefined ? "answer" : `answer.replaceAll(" ${relay.serverPort} typ", " ${relay.port} typ")`;
  return `
  const pc = new RTCPeerConnection();
  for (const kind of ["video", "audio"]) pc.addTransceiver(kind, { direction: "recvonly" });
  const video = document.createElement("video");
  Object.assign(video, { muted: ${muted}, autoplay: true });
  document.body.append(video);
  const streams = new Set();
  pc.ontrack = (event) => { streams.add(event.streams[0].id); video.srcObject = event.streams[0]; };
  await pc.setLocalDescription(await pc.createOffer());
  const startMs = performance.now();
  const headers = { "Content-Type": "application/sdp" };
  const response = await fetch(${JSON.stringify(url)}, { method: "POST", headers, body: pc.localDescription.sdp });
  const answer = await response.text();
  if (response.status !== 201) throw new Error(response.status + " " + answer);
  await pc.setRemoteDescription({ type: "answer", sdp: ${answer} });
  let shown = 0;
  let firstMs = 0;
  let lastMs = 0;
  let longestMs = 0;
  await new Promise((resolve) => {
    const onFrame = (nowMs) => {
      firstMs ||= performance.now() - startMs;
      if (lastMs > 0) longestMs = Math.max(longestMs, nowMs - lastMs);
      lastMs = nowMs;
      if (++shown >= ${frames}) resolve();
      else video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
  });
  let stats;
  let sound;
  for (;;) {
    stats = [...(await pc.getStats()).values()];
    sound = stats.find(({ type, kind }) => type === "inbound-rtp" && kind === "audio");
    if ((sound?.packetsReceived ?? 0) >= ${audioPackets}) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const picture = stats.find(({ type, kind }) => type === "inbound-rtp" && kind === "video");
  pc.close();
  return {
    frames: picture.framesDecoded, firstMs, streams: [...streams], audioPackets: sound?.packetsReceived ?? 0, longestMs,
    audioSamples: sound?.totalSamplesReceived ?? 0, audioEnergy: sound?.totalAudioEnergy ?? 0,
    lipSyncMs: (sound?.estimatedPlayoutTimestamp ?? 0) - picture.estimatedPlayoutTimestamp,
    nacks: picture.nackCount, answer,
    mimeTypes: stats.filter(({ type }) => type === "codec").map(({ mimeType }) => mimeType).sort(),
    clockMs: picture.estimatedPlayoutTimestamp - 2208988800000 - Date.now(),
  };`;
}
