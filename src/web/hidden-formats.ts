// Audio formats that a browser can decode though it offers none of them: found out by an offer and an answer that lead nowhere.
import { type HiddenFormat, withAudioFormats } from "./session-sdp.ts";

/** A group is asked for by one of its formats. */
const GROUPS: readonly { readonly probe: HiddenFormat; readonly formats: readonly HiddenFormat[] }[] = [
  {
    probe: { rtpmap: "L16/48000/2" },
    formats: [8000, 16_000, 48_000].flatMap((rateHz) => [{ rtpmap: `L16/${rateHz}/1` }, { rtpmap: `L16/${rateHz}/2` }]),
  },
  { probe: { rtpmap: "PCMA/8000/2" }, formats: [{ rtpmap: "PCMU/8000/2" }, { rtpmap: "PCMA/8000/2" }] },
  {
    probe: { rtpmap: "multiopus/48000/6", fmtp: "channel_mapping=0,4,1,2,3,5;num_streams=4;coupled_streams=2" },
    formats: [
      { rtpmap: "multiopus/48000/3", fmtp: "channel_mapping=0,2,1;num_streams=2;coupled_streams=1" },
      { rtpmap: "multiopus/48000/4", fmtp: "channel_mapping=0,1,2,3;num_streams=2;coupled_streams=2" },
      { rtpmap: "multiopus/48000/5", fmtp: "channel_mapping=0,4,1,2,3;num_streams=3;coupled_streams=2" },
      { rtpmap: "multiopus/48000/6", fmtp: "channel_mapping=0,4,1,2,3,5;num_streams=4;coupled_streams=2" },
      { rtpmap: "multiopus/48000/8", fmtp: "channel_mapping=0,6,1,4,5,2,3,7;num_streams=5;coupled_streams=3" },
    ],
  },
];

/** The server's half of a negotiation for one format. Nothing is ever sent to it. */
function answerWith(payloadType: string, { rtpmap, fmtp }: HiddenFormat): string {
  const fingerprint = Array.from({ length: 32 }, () => "00").join(":");
  const lines = [
    ...["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", `a=fingerprint:sha-256 ${fingerprint}`],
    ...[`m=audio 9 UDP/TLS/RTP/SAVPF ${payloadType}`, "c=IN IP4 0.0.0.0", "a=ice-ufrag:none", `a=ice-pwd:${"none".repeat(6)}`],
    ...["a=sendonly", "a=rtcp-mux", `a=rtpmap:${payloadType} ${rtpmap}`, ...(fmtp === undefined ? [] : [`a=fmtp:${payloadType} ${fmtp}`])],
  ];
  return `${lines.join("\r\n")}\r\n`;
}

async function plays(format: HiddenFormat): Promise<boolean> {
  const connection = new RTCPeerConnection();
  try {
    connection.addTransceiver("audio", { direction: "recvonly" });
    const { sdp = "" } = await connection.createOffer();
    if (sdp.includes(` ${format.rtpmap}\r`)) return false; // it is offered anyway
    const offer = withAudioFormats(sdp, [format]);
    const payloadType = offer.split("\r\n").flatMap((line) => /^a=rtpmap:(\d+) (.*)$/.exec(line) ?? []);
    await connection.setLocalDescription({ type: "offer", sdp: offer });
    const at = payloadType.lastIndexOf(format.rtpmap);
    await connection.setRemoteDescription({ type: "answer", sdp: answerWith(payloadType[at - 1] ?? "", format) });
    return true;
  } catch {
    return false;
  } finally {
    connection.close();
  }
}

let known: Promise<readonly HiddenFormat[]> | undefined;

/** What may be added to an offer; asked of the browser once. */
export function hiddenFormats(): Promise<readonly HiddenFormat[]> {
  known ??= Promise.all(GROUPS.map(async ({ probe, formats }) => ((await plays(probe)) ? formats : []))).then((groups) => groups.flat());
  return known;
}
