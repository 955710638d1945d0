// How the way to the NOC is, in the words of the health document: how long and how good, and what went over it today.
import type { DayBytes } from "./day-bytes.ts";
import type { LinkStatus } from "./fleet-link.ts";
import { LossMeter } from "./loss-meter.ts";

/** Null: it cannot be told now. */
export interface LinkHealth {
  /** To the broker and back. */
  readonly rtt_ms: number | null;
  /** Packets to the broker that had to be sent again, of the last hour. */
  readonly loss_pct: number | null;
  /** How long the broker's name took to look up, at the last connection. */
  readonly dns_ms: number | null;
  /** Since midnight, UTC. */
  readonly bytes_up_day: number;
}

export interface LinkMeterOptions {
  status(): Pick<LinkStatus, "url" | "roundTripMs" | "lookupMs" | "sentBytes" | "socket">;
  /** What the kernel knows of a socket; undefined: it does not tell. */
  tcpInfo(descriptor: number): { readonly roundTripUs: number; readonly sentSegments: number; readonly resentSegments: number } | undefined;
  readonly bytes: Pick<DayBytes, "add" | "today">;
  nowMs(): number;
}

export class LinkMeter {
  readonly #options: LinkMeterOptions;
  readonly #loss = new LossMeter();
  #countedBytes = 0;

  constructor(options: LinkMeterOptions) {
    this.#options = options;
  }

  /** To be asked every few minutes: what is sent counts for the day on which it is asked. */
  read(): LinkHealth {
    const { status, tcpInfo, bytes, nowMs } = this.#options;
    const { url, roundTripMs, lookupMs, sentBytes, socket } = status();
    bytes.add(sentBytes - this.#countedBytes);
    this.#countedBytes = sentBytes;
    const known = socket && tcpInfo(socket.descriptor);
    if (socket !== undefined && known !== undefined) {
      this.#loss.note({ connection: socket.connection, sent: known.sentSegments, resent: known.resentSegments }, nowMs());
    }
    const wayMs = known === undefined || known.roundTripUs === 0 ? roundTripMs : known.roundTripUs / 1000;
    return {
      rtt_ms: url === undefined || wayMs === undefined ? null : Number(wayMs.toFixed(1)),
      loss_pct: this.#loss.percent() ?? null,
      dns_ms: lookupMs === undefined ? null : Number(lookupMs.toFixed(1)),
      bytes_up_day: bytes.today,
    };
  }
}
