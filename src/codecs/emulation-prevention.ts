// Emulation prevention of ITU-T H.264 §7.4.1 and H.265 §7.4.2: 00 00 03 in a NAL unit stands for 00 00.

/** The raw payload of the first `maxBytes` of a NAL unit, header included; the same memory when nothing had to be removed. */
export function removeEmulationPrevention(nalUnit: Buffer, maxBytes = nalUnit.length): Buffer {
  const end = Math.min(nalUnit.length, maxBytes);
  let out: Buffer | undefined;
  let written = 0;
  let zeros = 0;
  for (let at = 0; at < end; at++) {
    const byte = nalUnit[at]!;
    if (byte === 3 && zeros >= 2) {
      if (out === undefined) {
        out = Buffer.from(nalUnit.subarray(0, end));
        written = at;
      }
      zeros = 0;
      continue;
    }
    if (out !== undefined) out[written++] = byte;
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return out === undefined ? nalUnit.subarray(0, end) : out.subarray(0, written);
}
