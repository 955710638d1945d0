// Where the media of a session goes: channels of one connection, or ports of the client.
import { type MediaWriter, TcpMediaWriter, type UdpDestination, UdpMediaWriter } from "./media-writer.ts";
import type { SecureTrack } from "./secure-track.ts";
import type { ServerConnection } from "./server-connection.ts";
import type { ServerSession } from "./server-session.ts";

/** By track index. */
export type SessionMedia =
  | {
      readonly kind: "tcp";
      readonly connection: ServerConnection;
      readonly channels: ReadonlyMap<number, number>;
      readonly secured: ReadonlyMap<number, SecureTrack>;
    }
  | {
      readonly kind: "udp";
      readonly destinations: ReadonlyMap<number, UdpDestination>;
      readonly secured: ReadonlyMap<number, SecureTrack>;
    };

export function openWriter(session: ServerSession): MediaWriter {
  const media = session.media!;
  const { secured } = media;
  if (media.kind === "tcp") return new TcpMediaWriter(media.connection.socket, media.channels, secured);
  return new UdpMediaWriter(media.destinations, session.replay !== undefined, secured);
}

/** Takes receiver reports to a publisher. */
export function sendReportOf(session: ServerSession): (trackIndex: number, bytes: Buffer) => void {
  const writer = openWriter(session);
  return (trackIndex, bytes) => writer.writeRtcp(trackIndex, bytes);
}
