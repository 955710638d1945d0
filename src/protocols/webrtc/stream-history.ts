// One packet history for each stream, whoever watches it.
import type { Stream } from "#relay/stream.ts";
import { PacketHistory } from "./packet-history.ts";

export class StreamHistories {
  readonly #byStream = new WeakMap<Stream, Map<number, PacketHistory>>();

  /** The live packets of one track of a stream, as readers of small packets get them. */
  of(stream: Stream, trackIndex: number): PacketHistory {
    let tracks = this.#byStream.get(stream);
    if (tracks === undefined) {
      tracks = new Map();
      this.#byStream.set(stream, tracks);
    }
    let history = tracks.get(trackIndex);
    if (history === undefined) {
      history = new PacketHistory();
      tracks.set(trackIndex, history);
    }
    return history;
  }
}
