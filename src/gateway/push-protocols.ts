// The protocols that a stream can be pushed over, in one table: a further one is a line here.
import type { Clock } from "#base/clock.ts";
import { destinationAddressFault, destinationFault } from "#base/destination.ts";
import type { Log } from "#base/log.ts";
import type { Config } from "#config/config.ts";
import { parseRtspUrl } from "#protocols/rtsp/url.ts";
import type { Push } from "#relay/push.ts";

/** Where to push to, and what is needed there. */
export interface PushTarget {
  readonly url: string;
  /** Bearer token; empty: none. */
  readonly token: string;
  /** SHA-256 of the receiver's certificate, which is trusted alone; empty: the usual authorities and `authorities`. */
  readonly fingerprint: string;
  /** PEM. */
  readonly authorities: readonly string[];
}

export interface PushSite {
  /** The config that runs: another one later on. */
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ParsedTarget {
  readonly host: string;
  /** What nobody may read in a log or an answer, as it is. */
  readonly secrets: readonly string[];
}

export interface PushProtocol {
  /** Words for a URL that it can be. */
  readonly example: string;
  readonly takesToken: boolean;
  /** Undefined: it is no URL of this protocol over TLS. The host is read as the client reads it. */
  parse(url: string): ParsedTarget | undefined;
  make(target: PushTarget, site: PushSite): Promise<Push>;
}

/** setTimeout fires at once for more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const rtsp: PushProtocol = {
  example: "rtsps://user:password@noc.example/site/camera",
  takesToken: false,
  parse: (url) => {
    const parsed = parseRtspUrl(url);
    if (parsed === undefined || parsed.scheme !== "rtsps" || parsed.tunnel !== "none") return undefined;
    return { host: parsed.host, secrets: [parsed.pass ?? "", ...valuesOf(parsed.query)] };
  },
  make: async ({ url, fingerprint, authorities }, site) => {
    const { RtspPush } = await import("#protocols/rtsp/push.ts");
    return new RtspPush({
      ...{ url, fingerprint, authorities, fingerprintSetting: "fingerprint" },
      addressFault: (address) => destinationAddressFault(address, site.config.global.destinationHosts),
      transport: "tcp",
      udpPortRange: [0, 0],
      writeTimeoutMs: site.config.global.writeTimeout,
      clock: site.clock,
      random: Math.random,
    });
  },
};

const whip: PushProtocol = {
  example: "https://noc.example/site/camera/whip",
  takesToken: true,
  parse: (url) => {
    if (!/^https:\/\//i.test(url) || !URL.canParse(url)) return undefined;
    const { hostname, password, search } = new URL(url);
    return { host: hostname.replace(/^\[(.*)\]$/, "$1"), secrets: [decoded(password), ...valuesOf(search)] };
  },
  make: async ({ url, token, fingerprint, authorities }, site) => {
    const { WhipPush } = await import("#protocols/webrtc/client/push.ts");
    const { global } = site.config;
    return new WhipPush({
      url: new URL(url).href.replace(/^https:/, "whips:"),
      bearerToken: token,
      ...{ fingerprint, authorities, clock: site.clock, log: site.log },
      policy: {
        hostFault: (host) => destinationFault(host, site.config.global.destinationHosts),
        addressFault: (address) => destinationAddressFault(address, site.config.global.destinationHosts),
      },
      stunGatherTimeoutMs: global.webrtcSTUNGatherTimeout,
      handshakeTimeoutMs: Math.min(global.webrtcHandshakeTimeout, MAX_TIMER_MS),
      readTimeoutMs: Math.min(global.readTimeout, MAX_TIMER_MS),
      writeTimeoutMs: global.writeTimeout,
      random: Math.random,
    });
  },
};

/** By the contract's names; those that this version cannot do have no entry. */
export const PUSH_PROTOCOLS: ReadonlyMap<string, PushProtocol> = new Map([
  ["rtsp", rtsp],
  ["whip", whip],
]);

/** What the contract knows besides. */
export const UNBUILT_PUSH_PROTOCOLS: readonly string[] = ["srt", "rtmps"];

/** Of a query, which may carry credentials as well. */
function valuesOf(query = ""): readonly string[] {
  return [...new URLSearchParams(query).values()];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
