// WHEP for any page, as one script: `new MediaMTXWebRTCReader({ url, onTrack })`, the name and the options that MediaMTX's reader has.
import { hiddenFormats } from "./hidden-formats.ts";
import { withAudioFormats } from "./session-sdp.ts";
import { type SessionLogin, WebSession } from "./web-session.ts";

export interface ReaderOptions extends SessionLogin {
  /** Absolute URL of the WHEP endpoint. */
  readonly url: string;
  readonly onError?: (text: string) => void;
  readonly onTrack?: (event: RTCTrackEvent) => void;
  readonly onDataChannel?: (event: RTCDataChannelEvent) => void;
  /** For whoever wants its statistics: called with each attempt's connection. */
  readonly onConnection?: (connection: RTCPeerConnection) => void;
}

export class MediaMTXWebRTCReader {
  readonly #session: WebSession;

  /** Plays until `close`; an attempt that fails is followed by another. */
  constructor({ onError, onTrack, onDataChannel, onConnection, ...login }: ReaderOptions) {
    this.#session = new WebSession({
      ...login,
      prepare: (connection) => {
        for (const kind of ["video", "audio"]) connection.addTransceiver(kind, { direction: "recvonly" });
        if (onDataChannel !== undefined) connection.createDataChannel(""); // or no server may open one
        connection.addEventListener("track", (event) => onTrack?.(event));
        connection.addEventListener("datachannel", (event) => onDataChannel?.(event));
        onConnection?.(connection);
      },
      editOffer: async (sdp) => withAudioFormats(sdp, await hiddenFormats()),
      onError: (text) => onError?.(text),
    });
  }

  close(): void {
    this.#session.close();
  }
}

Object.assign(globalThis, { MediaMTXWebRTCReader });
