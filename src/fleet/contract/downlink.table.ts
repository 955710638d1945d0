// dn/cmd, dn/cfg, dn/job, dn/time and _noc/state, §3 and §8 to §10: what a gateway is told. Privileged ones come as JWS (compact), whose payload this is.

import type { JsonSchema } from "./schema.ts";
import { closed, count, flag, number, object, oneOf, text, time } from "./schema.ts";
import { commandId, hash, hexSha256, operationName } from "./words.table.ts";

export const command: JsonSchema = object(
  "A command. `exp` is checked by the gateway itself.",
  { v: { const: 1, description: "Version." }, id: commandId, op: operationName, exp: time("Not to be taken after this.") },
  {
    args: { type: "object", description: "Arguments of the operation." },
    ts: time("When it was made."),
    ctr: count("Signed ones: rises with each command of a key, over restarts; each counts once."),
    aud: text("Signed ones: `tenant/gateway` that it is for."),
    rid: text("Who asked.", { pattern: "^[A-Za-z0-9_-]{1,64}$" }),
    mode: { const: "once", description: "How it is run." },
    prog_s: number("Seconds between two reports of progress.", { minimum: 1, maximum: 3600 }),
    strict_time: flag("Not to be run while the gateway does not know the time."),
  },
);

const DESIRED = {
  v: { const: 1, description: "Version of this message." },
  ver: count("Version of the config: rises.", { minimum: 1 }),
};
const DESIRED_MORE = {
  parent: count("The version that it was made from."),
  schema: text("Schema of the settings, such as gwcfg/3."),
  probation_s: number("How long it is tried before it is kept.", { minimum: 1, maximum: 3600 }),
  force: flag("Signed, with `ts`: take it although its version is not above the one that runs."),
  ts: time("When it was made. What is forced has to be newer than all that held."),
};

export const desiredConfig: JsonSchema = {
  description: "The config that is wanted, retained. At most 64 KiB with `doc`; larger ones lie at `url`.",
  anyOf: [
    object(
      "The whole document.",
      { ...DESIRED, hash, doc: { type: "object", description: 'Settings. Secrets as {"$enc": …}, sealed to the gateway\'s key.' } },
      DESIRED_MORE,
    ),
    object(
      "Where it lies.",
      { ...DESIRED, url: text("Where the JSON of it is.", { pattern: "^https://\\S+$" }), sha256: hexSha256 },
      { ...DESIRED_MORE, hash },
    ),
  ],
};

export const job: JsonSchema = object(
  "The next job of this gateway, retained. An empty payload: none.",
  {
    v: { const: 1, description: "Version." },
    job: text("Its name.", { pattern: "^[0-9A-Za-z_-]{1,64}$" }),
    op: operationName,
  },
  {
    args: { type: "object", description: "Arguments: for upd.install bundle, sha256, size, compat and ver." },
    nb: time("Not before."),
    deadline: time("Not after."),
    window: text("Hours of the day, `01:00-04:00 local` or `utc`.", {
      pattern: "^([01]\\d|2[0-3]):[0-5]\\d-([01]\\d|2[0-3]):[0-5]\\d( (local|utc))?$",
    }),
    spread_s: number("Each gateway begins at a time of its own within so long.", { minimum: 0, maximum: 604_800 }),
    step_s: number("A step that takes longer has failed.", { minimum: 1, maximum: 86_400 }),
    tries: count("How often a step is tried.", { minimum: 1, maximum: 10 }),
  },
);

export const timeHint: JsonSchema = object("The time, for sites without NTP; signed.", {
  v: { const: 1, description: "Version." },
  ts: time("Now."),
  ctr: count("As with commands."),
  aud: text("As with commands."),
});

export const nocState: JsonSchema = object(
  "Whether the NOC takes in what is sent. False: gateways keep it.",
  { online: flag("It does.") },
  {
    v: { const: 1, description: "Version." },
    ts: time("Since when."),
  },
);

/** The JWS that privileged commands, configs, jobs and time hints come as. */
export const jws: JsonSchema = text("JWS in compact form; header exactly alg EdDSA and kid. Its payload is the object of the topic.", {
  pattern: "^[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+$",
});

/** Kept beside: what a fleet command is. */
export const fleetCommand: JsonSchema = {
  ...command,
  description: "To all gateways of a tenant: ping, rebirth or backoff. Answers come spread over `args.spread_s` seconds.",
  properties: {
    ...(command["properties"] as object),
    op: oneOf(["ping", "rebirth", "backoff"], "What all may be asked at once."),
    args: closed(
      "Arguments.",
      {},
      {
        spread_s: number("Over how long answers come.", { minimum: 0, maximum: 3600 }),
        min_s: number("backoff: least wait."),
        max_s: number("backoff: longest wait."),
        ttl_s: number("backoff: for how long."),
      },
    ),
  },
};
