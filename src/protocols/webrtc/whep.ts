// WHEP: an offer becomes a session that reads a path (draft-ietf-wish-whep).
import { randomInt, randomUUID } from "node:crypto";
import { formatAddress } from "#base/listen-address.ts";
import { HttpFault } from "#http/http-fault.ts";
import type { HttpExchange } from "#http/server.ts";
import type { GrantedLease } from "#relay/path-registry.ts";
import type { Stream } from "#relay/stream.ts";
import { type AnsweredMedia, writeAnswer } from "./answer.ts";
import { feedbackOf, sessionNumber } from "./feedback.ts";
import { WebRtcReader } from "./from-stream.ts";
import { type Offer, parseOffer } from "./offer.ts";
import { B_FRAMES, opusInstead, planRead, type ReadPlan, type SentTrack } from "./read-negotiation.ts";
import type { Answered, OpusInstead, WebRtcContext } from "./server-context.ts";
import type { WebRtcSession } from "./session.ts";

/** What a reader is asked for: lost packets again, and keyframes. */
const VIDEO_FEEDBACK = ["nack", "nack pli", "ccm fir"];

/** What a reader gets, and Opus in the place of audio that it cannot be sent. */
interface FullPlan extends ReadPlan {
  readonly instead?: SentTrack & { readonly source: OpusInstead };
}

export class WhepDesk {
  readonly #context: WebRtcContext;
  /** Streams that cannot be sent, and why. */
  readonly #refused = new WeakMap<Stream, string>();
  /** Streams whose unsendable tracks were told of. */
  readonly #told = new WeakMap<Stream, Set<string>>();

  constructor(context: WebRtcContext) {
    this.#context = context;
  }

  /** Throws what the HTTP server answers with. */
  async open(exchange: HttpExchange, path: string, offerText: string): Promise<Answered> {
    const { options, log } = this.#context;
    const settle = this.#context.admitOffer(exchange.remote.address);
    const id = randomUUID();
    const { remote, rawQuery: query, request, credentials } = exchange;
    const userAgent = request.headers["user-agent"] ?? "";
    let session: WebRtcSession | undefined;
    let stream: Stream | undefined;
    let endedBefore: string | undefined;
    const end = (reason: string): void => {
      if (session === undefined) endedBefore = reason;
      else session.end(reason);
    };
    const reader = new WebRtcReader({
      name: `WebRTC ${formatAddress(remote.address, remote.port)}`,
      clock: options.clock,
      writeTimeoutMs: options.writeTimeoutMs,
      random: Math.random,
      onEnd: end,
      onFault: (fault) => {
        if (stream !== undefined && !this.#refused.has(stream)) {
          this.#refused.set(stream, fault);
          log.error(`path '${path}': ${fault}`);
        }
        queueMicrotask(() => end(fault)); // in the middle of a unit nobody may leave
      },
    });
    let lease: GrantedLease | undefined;
    let plan: FullPlan | undefined;
    try {
      const access = { action: "read", path, protocol: "webrtc", remote, query, id, userAgent, credentials } as const;
      lease = await options.registry.openForRead(access, reader, { type: "webRTCSession", id });
      stream = lease.stream;
      if (exchange.signal.aborted) throw new HttpFault(499, "the client is gone");
      if (!options.mayRead(path)) throw new HttpFault(400, `path '${path}' may not be read over WebRTC (its setting \`webrtc\` is off)`);
      const offer = parseOffer(offerText);
      if ("fault" in offer) throw new HttpFault(400, offer.fault);
      plan = await this.#withOpus(path, stream, offer, planRead(offer, stream.tracks));
      const { sent, unsent, instead } = plan;
      this.#checkPlan(path, stream, plan);
      const tracks = sent.map((one) => ({ ...one, ssrc: randomInt(1, 2 ** 32) }));
      const opus = instead && { ...instead, ssrc: randomInt(1, 2 ** 32), payloadType: instead.format.payloadType };
      reader.prepare(
        lease,
        tracks.map(({ track, format, ssrc }) => ({ trackIndex: track.index, ssrc, payloadType: format.payloadType })),
        opus,
      );
      const medias = [...tracks, ...(opus === undefined ? [] : [opus])].map(
        ({ track, mediaIndex, format, ssrc }): AnsweredMedia => ({
          mediaIndex,
          direction: "sendonly",
          formats: [
            {
              ...format,
              feedback: track.kind === "video" ? feedbackOf(VIDEO_FEEDBACK, offer.medias[mediaIndex]!.feedback, format.payloadType) : [],
            },
          ],
          sender: { ssrc, trackId: track.kind === "video" ? "video" : "audio" },
        }),
      );
      session = this.#context.openSession(id, { mode: "read", remote, userAgent, path, query, grant: lease.grant, offer }, settle);
      session.skipped = () => {
        const fault = instead?.source.fault;
        const skipped = unsent.map(({ track, reason }) => `${track.kind}: ${reason}`);
        return fault === undefined ? skipped : [...skipped, `audio: ${fault}`];
      };
      session.serve(reader);
      const transport = await this.#context.transportOf(session.agent.local);
      if (endedBefore !== undefined) session.end(endedBefore);
      if (session.closed) throw new HttpFault(404, `no stream is available on path '${path}'`);
      return { session, sdp: writeAnswer(offer, medias, transport, sessionNumber()) };
    } catch (error) {
      settle();
      if (session === undefined) {
        plan?.instead?.source.close();
        lease?.close();
      } else session.end("its offer could not be answered");
      throw error;
    }
  }

  /** Never rejects. */
  async #withOpus(path: string, stream: Stream, offer: Offer, plan: ReadPlan): Promise<FullPlan> {
    const place = this.#refusalOf(stream, plan) === undefined ? opusInstead(offer, plan) : undefined;
    const opened = place && (await this.#context.options.opusFor?.(path, stream, place.track));
    if (place === undefined || opened === undefined) return plan;
    const others = plan.unsent.filter(({ track }) => track !== place.track);
    if (!("refusal" in opened)) return { sent: plan.sent, unsent: others, instead: { ...place, source: opened } };
    const { reason } = plan.unsent.find(({ track }) => track === place.track)!;
    return { sent: plan.sent, unsent: [...others, { track: place.track, reason: `${reason}, and ${opened.refusal}` }] };
  }

  #refusalOf(stream: Stream, { unsent }: ReadPlan): string | undefined {
    return this.#refused.get(stream) ?? unsent.find(({ reason }) => reason === B_FRAMES)?.reason;
  }

  /** Throws an HttpFault when nothing of the stream can be sent; tells once what of it cannot. */
  #checkPlan(path: string, stream: Stream, { sent, unsent, instead }: FullPlan): void {
    const refusal = this.#refusalOf(stream, { sent, unsent });
    const told = this.#told.get(stream) ?? new Set();
    this.#told.set(stream, told);
    for (const { track, reason } of unsent) {
      if (told.has(reason)) continue;
      told.add(reason);
      if (reason === B_FRAMES) this.#context.log.error(`path '${path}': ${reason}`);
      else this.#context.log.warn(`path '${path}': ${track.kind} is not sent: ${reason}`);
    }
    if (refusal !== undefined) throw new HttpFault(400, refusal);
    if (sent.length > 0 || instead !== undefined) return;
    const reasons = [...new Set(unsent.map(({ reason }) => reason))].join("; ");
    throw new HttpFault(400, `nothing of path '${path}' can be sent${reasons === "" ? "" : `: ${reasons}`}`);
  }
}
