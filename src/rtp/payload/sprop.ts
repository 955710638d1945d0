// Parameter sets in SDP: base64 NAL units between commas (RFC 6184 §8.1, RFC 7798 §7.1).
import { isStartCode, splitAnnexB } from "#codecs/annex-b.ts";
import { MAX_PARAMETER_SET_BYTES, MAX_PARAMETER_SETS } from "#codecs/limits.ts";

/** The NAL units of such values. Empty items and what is no base64 are left out; start codes, which some cameras leave in, are taken off. */
export function parseSprop(...values: readonly (string | undefined)[]): Buffer[] {
  const nalUnits: Buffer[] = [];
  for (const value of values) {
    for (const item of (value ?? "").split(",", MAX_PARAMETER_SETS)) {
      if (item.length > MAX_PARAMETER_SET_BYTES * 2) continue;
      const bytes = Buffer.from(item.trim(), "base64");
      if (isStartCode(bytes, 0, bytes.length)) nalUnits.push(...splitAnnexB(bytes, MAX_PARAMETER_SETS));
      else if (bytes.length > 0) nalUnits.push(bytes);
    }
  }
  return nalUnits;
}

export function writeSprop(nalUnits: readonly Buffer[]): string {
  return nalUnits.map((nalUnit) => nalUnit.toString("base64")).join(",");
}
