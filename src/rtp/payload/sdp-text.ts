// Reads the values of `a=rtpmap` and `a=fmtp` (RFC 8866 §6.6, §6.15), tolerantly: cameras write them in many ways.

export interface Rtpmap {
  /** Lower case. */
  readonly name: string;
  /** undefined when it is missing or no number. */
  readonly clockRateHz: number | undefined;
  readonly channelCount: number | undefined;
}

function positive(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,9}$/.test(text)) return undefined;
  return Number(text) || undefined;
}

/** `H264/90000`, `opus/48000/2`; undefined without an encoding name. */
export function parseRtpmap(rtpmap: string | undefined): Rtpmap | undefined {
  const [name = "", clock, channels] = (rtpmap ?? "").trim().split("/", 3);
  if (name === "") return undefined;
  return { name: name.toLowerCase(), clockRateHz: positive(clock?.trim()), channelCount: positive(channels?.trim()) };
}

/** `name=value` items between semicolons; names in lower case, the first of a name counts. */
export function parseFmtp(fmtp: string | undefined): ReadonlyMap<string, string> {
  const items = new Map<string, string>();
  for (const item of (fmtp ?? "").split(";", 64)) {
    const equals = item.indexOf("=");
    if (equals < 0) continue;
    const name = item.slice(0, equals).trim().toLowerCase();
    if (name !== "" && !items.has(name)) items.set(name, item.slice(equals + 1).trim());
  }
  return items;
}

/** A whole number of an fmtp, or undefined. */
export function fmtpNumber(items: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = items.get(name);
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
