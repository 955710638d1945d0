// The rule for a slow reader: it skips to the next keyframe and nobody else notices.
import type { Track } from "./track.ts";

/** What the gate looks at of a unit. */
export interface Gated {
  readonly track: Pick<Track, "index">;
  readonly keyframe: boolean;
}

const MAX_PENDING_BYTES = 1 << 20;
const MAX_PENDING_US = 2_000_000;

export interface GateOptions {
  /** Tracks the reader takes. */
  readonly tracks: readonly Track[];
  /** Bytes handed to the socket that the peer has not taken yet; always 0 for datagrams. */
  pendingBytes(): number;
  readonly writeTimeoutUs: number;
  nowUs(): number;
  /** Called once, when the peer took nothing for `writeTimeoutUs`. */
  onStuck(): void;
}

/** One write that the peer has not taken whole: where it ends in the run of bytes, and when it was handed over. */
interface PendingWrite {
  readonly endBytes: number;
  readonly atUs: number;
}

/**
 * Asked before each write, because bytes handed over cannot be taken back. Starts at a keyframe of the reader's first video track (at
 * once where there is none), with the open GOP; over 1 MiB or 2 s of unsent data it drops units until the peer has taken everything and a keyframe comes.
 */
export class Gate {
  /** Units that a slow reader did not get. */
  discarded = 0;
  readonly #options: GateOptions;
  readonly #videoIndex: number;
  #waitingForKeyframe: boolean;
  #dropping = false;
  #stuck = false;
  #writtenBytes = 0;
  #takenBytes = 0;
  #progressUs = 0;
  /** The open GOP is being handed over: its size is not the reader's fault. */
  #inBacklog = true;
  /** What the backlog left pending may stand beyond the limit. */
  #allowanceBytes = 0;
  readonly #pending: PendingWrite[] = [];

  constructor(options: GateOptions) {
    this.#options = options;
    this.#videoIndex = options.tracks.find((track) => track.kind === "video")?.index ?? -1;
    this.#waitingForKeyframe = this.#videoIndex >= 0;
  }

  /** True when the unit may be written now; then tell `wrote`. */
  admits(unit: Gated): boolean {
    const pending = this.#options.pendingBytes();
    if (pending === 0) this.#caughtUp();
    else if (!this.#inBacklog) this.#judge(pending);
    if (!this.#dropping && this.#waitingForKeyframe && unit.track.index === this.#videoIndex && unit.keyframe) {
      this.#waitingForKeyframe = false;
    }
    if (!this.#dropping && !this.#waitingForKeyframe) return true;
    if (this.#writtenBytes > 0) this.discarded++;
    return false;
  }

  /** `sizeBytes` were handed to the socket. */
  wrote(sizeBytes: number): void {
    this.#writtenBytes += sizeBytes;
    if (this.#options.pendingBytes() === 0) return;
    const atUs = this.#options.nowUs();
    if (this.#pending.length === 0) this.#progressUs = atUs;
    this.#pending.push({ endBytes: this.#writtenBytes, atUs });
  }

  /** The open GOP, if there was one, was handed over; from now on units are live. */
  endBacklog(): void {
    this.#inBacklog = false;
    this.#allowanceBytes = this.#options.pendingBytes();
  }

  #caughtUp(): void {
    this.#dropping = false;
    this.#allowanceBytes = 0;
    this.#takenBytes = this.#writtenBytes;
    if (this.#pending.length > 0) this.#pending.length = 0;
  }

  #judge(pending: number): void {
    const nowUs = this.#options.nowUs();
    const taken = this.#writtenBytes - pending;
    if (taken > this.#takenBytes) {
      this.#takenBytes = taken;
      this.#progressUs = nowUs;
      let done = 0;
      while (done < this.#pending.length && this.#pending[done]!.endBytes <= taken) done++;
      if (done > 0) this.#pending.splice(0, done);
    }
    const oldest = this.#pending[0];
    const late = this.#allowanceBytes === 0 && oldest !== undefined && nowUs - oldest.atUs > MAX_PENDING_US;
    if (late || pending > MAX_PENDING_BYTES + this.#allowanceBytes) {
      this.#dropping = true;
      this.#waitingForKeyframe = this.#videoIndex >= 0;
    }
    if (!this.#stuck && nowUs - this.#progressUs >= this.#options.writeTimeoutUs) {
      this.#stuck = true;
      this.#options.onStuck();
    }
  }
}
