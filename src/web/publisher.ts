// WHIP for any page, as one script: `new MediaMTXWebRTCPublisher({ url, stream })`, the name and the options that MediaMTX's publisher has.
import { type CodecWish, withBitrates, withCodecs } from "./publisher-sdp.ts";
import { type SessionLogin, WebSession } from "./web-session.ts";

export interface PublisherOptions extends SessionLogin, CodecWish {
  /** Absolute URL of the WHIP endpoint. */
  readonly url: string;
  readonly stream: MediaStream;
  readonly onError?: (text: string) => void;
  readonly onConnected?: () => void;
}

export class MediaMTXWebRTCPublisher {
  readonly #session: WebSession;

  /** Publishes until `close`; an attempt that fails is followed by another. */
  constructor({ stream, onError, onConnected, ...options }: PublisherOptions) {
    this.#session = new WebSession({
      ...options,
      prepare: (connection) => {
        for (const track of stream.getTracks()) connection.addTransceiver(track, { direction: "sendonly", streams: [stream] });
      },
      editOffer: async (sdp) => withCodecs(sdp, options),
      editAnswer: (sdp) => withBitrates(sdp, options),
      onConnected: () => onConnected?.(),
      onError: (text) => onError?.(text),
    });
  }

  close(): void {
    this.#session.close();
  }
}

Object.assign(globalThis, { MediaMTXWebRTCPublisher });
