// What several messages of the contract are made of.
import { TIME_QUALITIES } from "#base/clock.ts";
import { COMMAND_ERRORS } from "../command-request.ts";
import type { JsonSchema, Properties } from "./schema.ts";
import { count, object, oneOf, orNull, text, time } from "./schema.ts";

/** What every message of a gateway begins with. */
export const envelope: Properties = {
  v: { const: 1, description: "Major version of the payload's schema." },
  sid: text("Boot and connection, in hexadecimal: rises with each connection; equal in birth and will.", {
    pattern: "^[0-9a-f]{8}-[0-9a-f]{4}$",
  }),
  seq: count("Number of the message within the session, counting those with QoS 1; the birth is 0. A gap: ask for a `rebirth`.", {
    maximum: 4_294_967_295,
  }),
  ts: time("When what is told happened, not when it was sent."),
  tq: oneOf(TIME_QUALITIES, "How far `ts` can be trusted."),
  mono: count("CLOCK_MONOTONIC when it happened, ms: times can be mended by it once one of this boot is known."),
  boot: count("Counts the boots of the gateway."),
};

export const camera = text("Name of the camera's path.", { minLength: 1, maxLength: 255 });
export const hash = text("`sha256:` and 64 hexadecimal digits.", { pattern: "^sha256:[0-9a-f]{64}$" });
export const hexSha256 = text("SHA-256 in hexadecimal.", { pattern: "^[0-9a-f]{64}$" });
export const commandId = text("A ULID, made by who asks: a command of the same id is answered as before and not run again.", {
  pattern: "^[0-9A-Za-z-]{1,64}$",
});
export const operationName = text("Name of an operation.", { pattern: "^[a-z][a-z0-9_.]{0,63}$" });

export const pushState = oneOf(["connecting", "live", "backoff"], "`backoff`: the receiver is tried again in a while.");

/** A stream that is pushed under a lease. */
export const pushedStream = object("A stream that is pushed.", {
  lid: text("Name of its lease."),
  cam: camera,
  proto: text("How: rtsp or whip."),
  to: text("Host of the receiver."),
  st: pushState,
  since: time("Since when it is in that state."),
  exp: time("When the lease ends."),
  bytes: count("Media sent."),
  err: orNull(text("Why the last attempt ended, if it is not live.")),
});

export const error: JsonSchema = {
  type: "object",
  description: "Why not.",
  required: ["c", "m"],
  properties: {
    c: oneOf(COMMAND_ERRORS, "What kind of fault."),
    m: text("In words, for people."),
    retry_s: count("When to try again, seconds."),
  },
};

/** A body with the envelope in front. */
export function enveloped(body: JsonSchema): JsonSchema {
  const { required = [], properties = {} } = body as { readonly required?: readonly string[]; readonly properties?: Properties };
  return { ...body, required: [...Object.keys(envelope), ...required], properties: { ...envelope, ...properties } };
}
