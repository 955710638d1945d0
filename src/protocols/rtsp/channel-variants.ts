// Bursts for readers that asked for other interleaved channels than the canonical ones.
import type { PacketBurst } from "#rtp/burst.ts";

interface Variant {
  readonly channel: number;
  readonly bytes: Buffer;
}

const variants = new WeakMap<PacketBurst, Variant[]>();

/** The burst's bytes framed for `channel`: a copy made once per burst and channel, shared by the readers on it. */
export function onChannel(burst: PacketBurst, channel: number): Buffer {
  let known = variants.get(burst);
  const found = known?.find((variant) => variant.channel === channel);
  if (found !== undefined) return found.bytes;
  const bytes = Buffer.from(burst.bytes);
  for (let i = 0; i < burst.count; i++) bytes[burst.offsets[i]! + 1] = channel;
  if (known === undefined) {
    known = [];
    variants.set(burst, known);
  }
  known.push({ channel, bytes });
  return bytes;
}

/** Other channels than the canonical one that readers of one track may have. */
const MAX_CHANNELS = 3;

/** Counts which channels readers of each track use, so that a burst is copied at most three times. */
export class ChannelChoice {
  readonly #users = new Map<string, number>();

  /** The channel a reader gets: the one it wants, or the canonical one where too many others are in use. Clients obey the answer. */
  take(scope: string, trackIndex: number, wanted: number): number {
    const canonical = trackIndex * 2;
    const prefix = `${scope} ${trackIndex} `;
    if (wanted === canonical) return canonical;
    const key = prefix + wanted;
    const users = this.#users.get(key) ?? 0;
    if (users === 0 && [...this.#users.keys()].filter((other) => other.startsWith(prefix)).length >= MAX_CHANNELS) return canonical;
    this.#users.set(key, users + 1);
    return wanted;
  }

  release(scope: string, trackIndex: number, channel: number): void {
    const key = `${scope} ${trackIndex} ${channel}`;
    const users = this.#users.get(key);
    if (users === undefined) return;
    if (users === 1) this.#users.delete(key);
    else this.#users.set(key, users - 1);
  }
}
