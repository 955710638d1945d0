// WHIP: an offer becomes a session that publishes to a path (RFC 9725).
import { randomInt, randomUUID } from "node:crypto";
import { HttpFault } from "#http/http-fault.ts";
import type { HttpExchange } from "#http/server.ts";
import { type AnsweredMedia, writeAnswer } from "./answer.ts";
import { feedbackOf, sessionNumber } from "./feedback.ts";
import { parseOffer } from "./offer.ts";
import { planPublish } from "./publish-negotiation.ts";
import type { Answered, WebRtcContext } from "./server-context.ts";
import { InboundMedia } from "./to-stream.ts";

/** What a publisher is told: lost packets, keyframes that are wanted, and how much it may send. */
const VIDEO_FEEDBACK = ["nack", "nack pli", "ccm fir", "goog-remb"];

/** Throws what the HTTP server answers with. */
export async function openWhip(context: WebRtcContext, exchange: HttpExchange, path: string, offerText: string): Promise<Answered> {
  const { options, log } = context;
  const settle = context.admitOffer(exchange.remote.address);
  try {
    const id = randomUUID();
    const { remote, rawQuery: query, request, credentials } = exchange;
    const userAgent = request.headers["user-agent"] ?? "";
    const access = { action: "publish", path, protocol: "webrtc", remote, query, id, userAgent, credentials } as const;
    const permit = await options.registry.permitPublish(access);
    const offer = parseOffer(offerText);
    if ("fault" in offer) throw new HttpFault(400, offer.fault);
    const tracks = planPublish(offer);
    if ("fault" in tracks) throw new HttpFault(406, tracks.fault);
    const medias = offer.medias.flatMap((media, mediaIndex): AnsweredMedia[] => {
      const wanted = media.kind === "video" ? VIDEO_FEEDBACK : [];
      const formats = tracks
        .filter((one) => one.mediaIndex === mediaIndex)
        .map(({ format }) => ({ ...format, feedback: feedbackOf(wanted, media.feedback, format.payloadType) }));
      return formats.length === 0 ? [] : [{ mediaIndex, direction: "recvonly", formats, sender: undefined }];
    });
    const session = context.openSession(id, { mode: "publish", remote, userAgent, path, query, grant: permit.grant, offer }, settle);
    session.serve(
      new InboundMedia({
        tracks,
        ssrc: randomInt(1, 2 ** 32),
        gatherTimeoutMs: options.trackGatherTimeoutMs,
        repairTime: false,
        senderClocks: () => ({ last: undefined }),
        clock: options.clock,
        // Only now a publisher who is there is replaced.
        publish: (known, native, askForKeyframe) => {
          const lease = options.registry.openForPublish(permit, {
            type: "webRTCSession",
            id,
            onEnd: (reason) => session.end(reason === "closed" ? "another publisher took over" : reason),
          });
          lease.sink.onKeyframeWanted = askForKeyframe;
          const take = lease.sink.ready(known, native);
          const names = known.map(({ codec }) => codec).join(", ");
          log.child(`session ${id.slice(0, 8)}`).info(`is publishing to path '${path}', tracks: ${names}`);
          return { take, close: () => lease.close() };
        },
        onEnd: (reason) => session.end(reason),
      }),
    );
    const transport = await context.transportOf(session.agent.local);
    return { session, sdp: writeAnswer(offer, medias, transport, sessionNumber()) };
  } catch (error) {
    settle();
    throw error;
  }
}
