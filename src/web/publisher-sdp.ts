// What a publisher wishes of codecs and bitrates, in SDP.

export interface CodecWish {
  /** As in rtpmap, in any case: `h264/90000`. Empty: whatever both ends like best. */
  readonly videoCodec?: string;
  readonly audioCodec?: string;
  /** kbit/s. */
  readonly videoBitrate?: number;
  readonly audioBitrate?: number;
  /** Speech rather than music. */
  readonly audioVoice?: boolean;
}

/** Leaves each section the wished codec alone, with its retransmission; a codec that is not offered changes nothing. */
export function withCodecs(offer: string, wish: CodecWish): string {
  const sections = offer.split(/(?=^m=)/m).map((section) => {
    if (section.startsWith("m=video")) return onlyCodec(section, wish.videoCodec);
    if (section.startsWith("m=audio")) return withOpusParameters(onlyCodec(section, wish.audioCodec), wish);
    return section;
  });
  return sections.join("");
}

function onlyCodec(section: string, codec: string | undefined): string {
  if (!codec) return section;
  const lines = section.split("\r\n");
  const kept = new Set<string>();
  for (const line of lines) {
    const [, type, rtpmap] = /^a=rtpmap:(\d+) (.*)$/.exec(line) ?? [];
    if (type !== undefined && rtpmap?.toLowerCase().startsWith(codec.toLowerCase())) kept.add(type);
  }
  if (kept.size === 0) return section;
  for (const line of lines) {
    const [, type, of] = /^a=fmtp:(\d+) apt=(\d+)/.exec(line) ?? [];
    if (type !== undefined && kept.has(of ?? "")) kept.add(type);
  }
  const left = lines.filter((line) => kept.has(/^a=(?:rtpmap|fmtp|rtcp-fb):(\d+) /.exec(line)?.[1] ?? [...kept][0]!));
  const [media = ""] = left;
  const [kind, port, protocol, ...types] = media.split(" ");
  left[0] = [kind, port, protocol, ...types.filter((type) => kept.has(type))].join(" ");
  return left.join("\r\n");
}

/** RFC 7587 §6.1. */
function withOpusParameters(section: string, { audioBitrate, audioVoice }: CodecWish): string {
  const type = /^a=rtpmap:(\d+) opus\//im.exec(section)?.[1];
  if (type === undefined) return section;
  const more = [
    ...(audioBitrate ? [`maxaveragebitrate=${audioBitrate * 1000}`] : []),
    ...(audioVoice === false ? ["stereo=1", "sprop-stereo=1"] : []),
  ];
  if (more.length === 0) return section;
  return section.replace(new RegExp(`^(a=fmtp:${type} [^\\r\\n]*)`, "m"), (line) => [line, ...more].join(";"));
}

/** How much the server wants at most (RFC 4566 §5.8, RFC 3890); browsers obey the answer. */
export function withBitrates(answer: string, { videoBitrate, audioBitrate }: CodecWish): string {
  const limits: Record<string, number | undefined> = { "m=video": videoBitrate, "m=audio": audioBitrate };
  const sections = answer.split(/(?=^m=)/m).map((section) => {
    const kbps = limits[section.slice(0, 7)];
    if (!kbps) return section;
    const lines = section.split("\r\n");
    const behind = Math.max(
      0,
      lines.findIndex((line) => line.startsWith("c=")),
    );
    lines.splice(behind + 1, 0, `b=AS:${kbps}`, `b=TIAS:${kbps * 1000}`);
    return lines.join("\r\n");
  });
  return sections.join("");
}
