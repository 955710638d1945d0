// A WHEP and WHIP client made of pion (Go), where CAMGATE_PEER_PION names its binary: what is no browser, and shares no line with us.
//
// What the binary has to understand, options before or after the URL:
//
//   whep <url> [--kinds video,audio] [--units] [--reorder-ms N]
//   whip <url> [--video <file.h264|file.h265|file.ivf>] [--audio <file.ogg>] [--fps N] [--loop] [--units]
//   both       [--trickle] [--network udp|tcp] [--via <port>] [--spoil offer|answer] [--seconds N]
//
// It has host candidates on loopback alone, of the one network. Without --trickle they are in the offer, with it each follows by PATCH. `via`: the port
// that stands in the place of the server's in its UDP candidates. `spoil`: the last digit of the fingerprint that is sent, or that has come, is another one.
// An Ogg file has one packet a page. H.264 and H.265 are Annex B. Its SRTP takes packets that come up to 1,024 late, as browsers do; pion's own limit
// of 64 would refuse most of what is repeated.
//
// It prints one JSON object a line, each with an `event`:
//
//   both:  answered   {status, location, id, etag, sdp}
//          refused    {status, reason}                  no 201; exit code 1
//          trickled   {status, candidate}               for each candidate, and for their end
//          state      {state, protocol?, remotePort?}   of the peer connection; the selected pair's once connected
//          restarted  {status, etag, ufragBefore, ufrag, sdp}   the server's names before and after an ICE restart
//          deleted    {status}
//          error      {reason}                          exit code 1
//   whep:  track      {track, kind, codec, clockRate, payloadType, fmtp, stream}
//          unit       {track, timestamp, packets, bytes, md5}   with --units, for each frame, in order
//          fault      {track, reason}                   a payload that pion could not take apart
//          end        {nacked, plis, tracks: PionTrack[]}       last, exit code 0: the time is over, or it was told to
//   whip:  publishing {}                                connected, frames follow
//          sent       {track, codec, md5}               with --units, for each frame
//          keyframe-request {}                          PLI or FIR
//          end        {}                                after the whole files as well
//
// Words on its standard input, a line each: `restart` (ICE), `delete` (ends the session over HTTP, then itself), `pli`, `stop`.
//
// Packets are put in order, and what is missing is waited for `reorder-ms`. Hashes are over what pion's depacketizers make: the slices of H.264 and H.265,
// each behind its length in four bytes, big endian; the OBUs of AV1 with their sizes, without temporal delimiters; everything else as it is.
import { createHash } from "node:crypto";
import { joinObus } from "#codecs/av1/obu.ts";
import { h264NalType, isH264Slice } from "#codecs/h264/nal.ts";
import { h265NalType, isH265Slice } from "#codecs/h265/nal.ts";
import type { Unit } from "#relay/unit.ts";
import { findPeer } from "./find-peer.ts";
import { parseGoEvents } from "./go-peers.ts";
import { type RunningPeer, startPeer, type TestScope } from "./run-peer.ts";
import { until } from "./until.ts";

export const pion = findPeer("pion");

export interface PionEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** What came of one track. */
export interface PionTrack {
  readonly codec: string;
  readonly packets: number;
  /** Never came. */
  readonly lost: number;
  /** Came after others that follow it: repeated, or overtaken. */
  readonly late: number;
  readonly units: number;
  /** Frames that lack a packet. */
  readonly damaged: number;
  /** Payloads that could not be taken apart. */
  readonly faults: number;
}

export class PionClient {
  readonly #peer: RunningPeer;

  constructor(scope: TestScope, mode: "whep" | "whip", url: string, options: readonly string[] = []) {
    const args = [mode, url, "--units", "--seconds", "110", ...options];
    this.#peer = startPeer(scope, pion, args, { timeoutMs: 115_000 });
  }

  /** What it has said so far. */
  get events(): readonly PionEvent[] {
    return parseGoEvents(this.#peer.stdout.toString("utf8").replace(/[^\n]*$/, ""));
  }

  named(event: string): readonly PionEvent[] {
    return this.events.filter((one) => one.event === event);
  }

  /** The first one that fits, now or later; rejects when the client gives up before. */
  async event(name: string, fits: (event: PionEvent) => boolean = () => true): Promise<PionEvent> {
    const look = (): PionEvent | undefined => {
      const found = this.named(name).find(fits);
      const fault = this.events.find(({ event }) => event === "error" || event === "refused");
      if (found === undefined && fault !== undefined) throw new Error(`no ${name}: ${JSON.stringify(fault)}`);
      return found;
    };
    return until(`${name} of pion`, look, 60_000);
  }

  /** Hashes of the frames of the track whose codec is `codec`, in pion's words, in order; none before there is one. */
  hashes(codec: string): readonly string[] {
    const track = this.named("track").find((one) => one["codec"] === codec)?.["track"];
    return this.named("unit").flatMap((unit) => (unit["track"] === track ? [unit["md5"] as string] : []));
  }

  /** What it published of a codec. */
  sent(codec: string): readonly string[] {
    return this.named("sent").flatMap((one) => (one["codec"] === codec ? [one["md5"] as string] : []));
  }

  say(word: "restart" | "delete" | "pli" | "stop"): void {
    this.#peer.write(`${word}\n`);
  }

  /** Tells it to stop; resolves with its last words. */
  async stop(): Promise<{ readonly nacked: number; readonly tracks: readonly PionTrack[] }> {
    this.say("stop");
    const end = await this.event("end");
    return { nacked: end["nacked"] as number, tracks: (end["tracks"] ?? []) as PionTrack[] };
  }

  async ended(): Promise<number | null> {
    return (await this.#peer.exited).code;
  }
}

/** The hash that the client prints for the same frame; `frame` as readers of frames get it. */
export function pionHash({ track, frame }: Unit): string {
  const hash = createHash("md5");
  const { codec } = track.parameters;
  for (const part of codec === "av1" ? [joinObus(frame!)] : frame!) {
    if (codec === "h264" || codec === "h265") {
      if (!(codec === "h264" ? isH264Slice(h264NalType(part[0]!)) : isH265Slice(h265NalType(part[0]!)))) continue;
      hash.update(Buffer.of(part.length >>> 24, part.length >>> 16, part.length >>> 8, part.length));
    }
    hash.update(part);
  }
  return hash.digest("hex");
}
