// One packet history for each track of a stream, whoever reads it: viewers and pushes get the same packets. Its readers hold it, and with the last of them it goes.
import type { Stream } from "#relay/stream.ts";
import { PacketHistory } from "./packet-history.ts";

const histories = new WeakMap<Stream, Map<number, WeakRef<PacketHistory>>>();

/** The live packets of one track of a stream, as readers of small packets get them. To be held for as long as it is used. */
export function historyOf(stream: Stream, trackIndex: number): PacketHistory {
  let tracks = histories.get(stream);
  if (tracks === undefined) {
    tracks = new Map();
    histories.set(stream, tracks);
  }
  const known = tracks.get(trackIndex)?.deref();
  if (known !== undefined) return known;
  const history = new PacketHistory();
  tracks.set(trackIndex, new WeakRef(history));
  return history;
}
