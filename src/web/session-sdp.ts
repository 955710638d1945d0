// The text work of a WHIP or WHEP client: ICE servers from Link headers, trickled candidates, and what an offer must say more than a browser does.
// RFC 9725 (WHIP) §4.3 trickle ICE, §4.4 ICE servers; RFC 8840 SDP fragments.

/** The value of a response's Link headers, as fetch joins them. Links that are no ICE servers, and broken ones, are left out. */
export function iceServersOf(link: string | null): RTCIceServer[] {
  const servers: RTCIceServer[] = [];
  for (const [, url, parameters] of (link ?? "").matchAll(/<([^>]+)>((?:\s*;\s*[\w-]+="(?:[^"\\]|\\.)*")*)/g)) {
    const values = new Map<string, string>();
    for (const [, name, text] of (parameters ?? "").matchAll(/([\w-]+)="((?:[^"\\]|\\.)*)"/g))
      values.set(name!.toLowerCase(), text!.replace(/\\(.)/g, "$1"));
    if (values.get("rel") !== "ice-server") continue;
    const [username, credential] = [values.get("username"), values.get("credential")];
    servers.push({ urls: url!, ...(username !== undefined && { username }), ...(credential !== undefined && { credential }) });
  }
  return servers;
}

/** The body of a PATCH that tells the server of candidates which an offer did not have yet. */
export function candidateFragment(offer: string, candidates: readonly RTCIceCandidate[]): string {
  const lines = offer.split("\r\n");
  const ice = ["a=ice-ufrag:", "a=ice-pwd:"].flatMap((start) => lines.find((line) => line.startsWith(start)) ?? []);
  const medias = lines.filter((line) => line.startsWith("m="));
  const mids = lines.filter((line) => line.startsWith("a=mid:"));
  const parts = medias.flatMap((media, index) => {
    const own = candidates.filter(({ sdpMLineIndex }) => sdpMLineIndex === index);
    if (own.length === 0) return [];
    return [media, mids[index] ?? `a=mid:${index}`, ...own.map(({ candidate }) => `a=${candidate}`)];
  });
  return `${[...ice, ...parts].join("\r\n")}\r\n`;
}

/** Payload types that an audio codec may have: RFC 3551 leaves 35 to 63 free, and 96 to 127 are dynamic. */
function freePayloadType(taken: Set<string>): string | undefined {
  for (let i = 35; i < 128; i++) {
    if (i >= 64 && i < 96) continue;
    if (taken.has(String(i))) continue;
    taken.add(String(i));
    return String(i);
  }
  return undefined;
}

/** An audio format that some browsers play and none offers: what stands in `a=rtpmap` and `a=fmtp`. */
export interface HiddenFormat {
  readonly rtpmap: string;
  readonly fmtp?: string;
}

/** Adds formats to the offer's first audio section, and asks for stereo where Opus is offered. Both ends then may send what the browser hides. */
export function withAudioFormats(offer: string, formats: readonly HiddenFormat[]): string {
  const sections = offer.split(/(?=^m=)/m);
  const index = sections.findIndex((section) => section.startsWith("m=audio"));
  if (index < 0) return offer;
  const taken = new Set(sections.flatMap((section) => /^m=\S+ \S+ \S+ (.*)\r$/m.exec(section)?.[1]?.split(" ") ?? []));
  const lines = sections[index]!.split("\r\n");
  const opus = lines.flatMap((line) => /^a=rtpmap:(\d+) opus\//i.exec(line)?.[1] ?? [])[0];
  const section = lines.map((line) => (line.startsWith(`a=fmtp:${opus} `) && !/\bstereo=/.test(line) ? `${line};stereo=1` : line));
  for (const { rtpmap, fmtp } of formats) {
    const type = freePayloadType(taken);
    if (type === undefined) break;
    section[0] += ` ${type}`;
    // Before the empty text that stands behind the last line's end.
    section.splice(-1, 0, `a=rtpmap:${type} ${rtpmap}`, ...(fmtp === undefined ? [] : [`a=fmtp:${type} ${fmtp}`]));
  }
  sections[index] = section.join("\r\n");
  return sections.join("");
}
