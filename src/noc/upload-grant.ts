// What a gateway is given to send a file to `camgate noc receive`: `dest` of a command.
import { CallerFault } from "#base/errors.ts";
import { uploadNameFault } from "./upload-name.ts";
import { makeUploadToken } from "./upload-tokens.ts";

export interface UploadGrant {
  readonly put: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly part_mb: number;
}

export interface GrantWish {
  /** Where gateways reach the receiver. */
  readonly url: string;
  /** Of the file, below the receiver's folder. */
  readonly name: string;
  /** UTC, ms. */
  readonly untilMs: number;
  readonly partMb: number;
}

export const USUAL_PART_MB = 8;

/** Throws a CallerFault that names what is wrong. */
export function checkGrant({ url, name }: Pick<GrantWish, "url" | "name">, fields: { readonly url: string; readonly name: string }): void {
  const fault = uploadNameFault(name);
  if (fault !== undefined) throw new CallerFault("invalid", `${fields.name}: '${name}' ${fault}`, "name");
  if (!/^https:\/\/[^/?#@\s]+\/?$/.test(url) || !URL.canParse(url))
    throw new CallerFault(
      "invalid",
      `${fields.url}: has to be where gateways reach the receiver, such as https://clips.noc.example:8443`,
      "url",
    );
}

export function uploadGrant(key: Buffer, { url, name, untilMs, partMb }: GrantWish): UploadGrant {
  const headers = { Authorization: `Bearer ${makeUploadToken(key, name, untilMs)}` };
  return { put: `${url.replace(/\/$/, "")}/${name}`, headers, part_mb: partMb };
}
