// A frame's number and capture time inside the frame: an H.264 SEI message of type user_data_unregistered (H.264 §D.1.6), read back wherever the frame ends up.

/** What a stamped frame says of itself. */
export interface FrameStamp {
  /** Counts frame times since the camera was switched on, sent or not. */
  readonly number: number;
  /** Monotonic clock at capture. */
  readonly captureUs: number;
  /** Index of the clip's frame whose slices follow. */
  readonly clipFrame: number;
}

const SEI_NAL_TYPE = 6; // §7.4.1 table 7-1
const USER_DATA_UNREGISTERED = 5; // §D.1.1
/** Ours; holds no zero, so that no emulation prevention is needed. The text behind it is hexadecimal for the same reason. */
const UUID = Buffer.from("c1d9a7e24b5f4c6e9a3d7b1f2e8c6a55", "hex");
const NUMBER_DIGITS = 8;
const CAPTURE_DIGITS = 13;
const CLIP_DIGITS = 4;
const TEXT_BYTES = NUMBER_DIGITS + CAPTURE_DIGITS + CLIP_DIGITS;
const PAYLOAD_BYTES = UUID.length + TEXT_BYTES;
const TEXT_OFFSET = 3 + UUID.length;

/** A whole SEI NAL unit without start code. */
export function writeFrameStamp({ number, captureUs, clipFrame }: FrameStamp): Buffer {
  const hex = (value: number, digits: number): string => Math.round(value).toString(16).padStart(digits, "0");
  const text = hex(number, NUMBER_DIGITS) + hex(captureUs, CAPTURE_DIGITS) + hex(clipFrame, CLIP_DIGITS);
  const stopBit = 0x80; // §7.3.2.11 rbsp_trailing_bits
  const head = Buffer.from([SEI_NAL_TYPE, USER_DATA_UNREGISTERED, PAYLOAD_BYTES]);
  return Buffer.concat([head, UUID, Buffer.from(text, "latin1"), Buffer.from([stopBit])]);
}

/** The stamp in a NAL unit; undefined for any other. */
export function readFrameStamp(nal: Buffer): FrameStamp | undefined {
  if (nal.length < TEXT_OFFSET + TEXT_BYTES || nal[0] !== SEI_NAL_TYPE || nal[1] !== USER_DATA_UNREGISTERED) return undefined;
  if (!nal.subarray(3, TEXT_OFFSET).equals(UUID)) return undefined;
  const text = nal.toString("latin1", TEXT_OFFSET, TEXT_OFFSET + TEXT_BYTES);
  if (!/^[0-9a-f]+$/.test(text)) return undefined;
  const hex = (start: number, digits: number): number => Number.parseInt(text.slice(start, start + digits), 16);
  return {
    number: hex(0, NUMBER_DIGITS),
    captureUs: hex(NUMBER_DIGITS, CAPTURE_DIGITS),
    clipFrame: hex(NUMBER_DIGITS + CAPTURE_DIGITS, CLIP_DIGITS),
  };
}
