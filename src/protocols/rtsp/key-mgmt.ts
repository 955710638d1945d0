// Keys for SRTP in RTSP: the KeyMgmt header of SETUP and the `key-mgmt` attribute of descriptions (RFC 4567 §3.1, §3.2), with MIKEY in them.

import type { SdpAttribute } from "#rtp/sdp.ts";
import { type MikeyKey, parseMikey, writeMikey } from "#rtp/srtp/mikey.ts";

/** Longer ones are not decoded. */
const MAX_BASE64 = 4096;

/** Undefined: there is no key for us in it. */
export function parseKeyMgmtHeader(value: string | undefined): MikeyKey | undefined {
  const fields = new Map((value ?? "").split(";").map((part) => splitAt(part, "=")));
  return fields.get("prot")?.toLowerCase() === "mikey" ? decoded(fields.get("data")) : undefined;
}

export function writeKeyMgmtHeader(url: string, key: MikeyKey, nowMs: number): string {
  return `prot=mikey;uri="${url}";data="${writeMikey(key, nowMs).toString("base64")}"`;
}

/** Of a media, else of its session. */
export function keyOfAttributes(attributes: readonly SdpAttribute[]): MikeyKey | undefined {
  const value = attributes.find(({ name }) => name === "key-mgmt")?.value ?? "";
  const [protocol, data] = splitAt(value, " ");
  return protocol === "mikey" ? decoded(data) : undefined;
}

export function keyAttribute(key: MikeyKey, nowMs: number): SdpAttribute {
  return { name: "key-mgmt", value: `mikey ${writeMikey(key, nowMs).toString("base64")}` };
}

function decoded(data: string | undefined): MikeyKey | undefined {
  return data === undefined || data.length > MAX_BASE64 ? undefined : parseMikey(Buffer.from(data, "base64"));
}

/** Name in lower case, value without quotes. */
function splitAt(text: string, separator: string): [name: string, value: string] {
  const at = text.indexOf(separator);
  const [name, value] = at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
  return [name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, "$1")];
}
