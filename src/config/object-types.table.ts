// The objects that lists of the config hold: users, permissions, ICE servers, forward destinations, offline tracks, schedules.

import { type Decoded, setting } from "./setting.ts";
import { bool, credential, fingerprint, int, list, network, oneOf, text } from "./value-types.ts";

export const permission = {
  kind: "object",
  name: "permission",
  fields: {
    action: setting(oneOf("publish", "read", "playback", "api", "metrics", "pprof"), "read", "What is allowed.", { required: true }),
    path: setting(text, "", "Path it is limited to: a name, a regular expression after `~`, or empty for every path."),
  },
} as const;

export const internalUser = {
  kind: "object",
  name: "user",
  fields: {
    user: setting(credential, "", "Name; `any` stands for everybody, with or without credentials.", { required: true }),
    pass: setting(credential, "", "Password; of no use for the user `any`.", { secret: true }),
    ips: setting(list(network), [], "Addresses and networks the user may come from; empty means any."),
    permissions: setting(list(permission), [], "What the user may do."),
  },
  check(value: { readonly user: string; readonly pass: string }) {
    if (value.user === "") {
      return "a user needs a name; `any` stands for everybody";
    }
    return value.user === "any" && value.pass !== "" ? "the user 'any' cannot have a password" : undefined;
  },
} as const;

export const iceServer = {
  kind: "object",
  name: "iceServer",
  fields: {
    url: setting(
      {
        kind: "text",
        check: (value: string) => (/^(stun|turn|turns):/.test(value) ? undefined : "is not a stun:, turn: or turns: address"),
      },
      "",
      "Address: `stun:`, `turn:` or `turns:`, host and port.",
      { required: true },
    ),
    username: setting(text, "", "User name; `AUTH_SECRET` makes time-limited credentials from the password."),
    password: setting(text, "", "Password, or the shared secret.", { secret: true }),
    clientOnly: setting(bool, false, "Told to clients, not used by the server itself."),
  },
} as const;

export const forwardDestination = {
  kind: "object",
  name: "forwardDestination",
  fields: {
    dest: setting(text, "", "Where to: rtsp, rtsps, rtmp, rtmps, srt, whip or whips URL; `$MTX_PATH` and `$G1` are replaced.", {
      required: true,
    }),
    destFingerprint: setting(fingerprint, "", "SHA-256 of the destination's certificate, where no authority vouches for it."),
    whipBearerToken: setting(text, "", "Bearer token sent to a WHIP destination.", { secret: true }),
  },
} as const;

const videoAndOpus = ["AV1", "VP9", "H265", "H264", "Opus"];

export const offlineTrack = {
  kind: "object",
  name: "offlineTrack",
  fields: {
    codec: setting(oneOf("AV1", "VP9", "H265", "H264", "Opus", "MPEG4Audio", "G711", "LPCM"), "H264", "Codec of the track.", {
      required: true,
    }),
    sampleRate: setting(int(0, 768_000), 0, "Samples a second; needed for MPEG4Audio, G711 and LPCM.", { unit: "Hz" }),
    channelCount: setting(int(0, 255), 0, "Channels; needed for MPEG4Audio, G711 and LPCM."),
    muLaw: setting(bool, false, "G711: µ-law instead of A-law."),
  },
  check(value: { readonly codec: string; readonly sampleRate: number; readonly channelCount: number }) {
    if (videoAndOpus.includes(value.codec)) {
      return value.sampleRate === 0 && value.channelCount === 0 ? undefined : `${value.codec} takes neither sampleRate nor channelCount`;
    }
    const leastHz = value.codec === "MPEG4Audio" ? 22_050 : 8000;
    if (value.sampleRate < leastHz) {
      return `${value.codec} needs a sampleRate of at least ${leastHz}`;
    }
    return value.channelCount === 0 ? `${value.codec} needs a channelCount` : undefined;
  },
} as const;

export const schedule = {
  kind: "object",
  name: "schedule",
  fields: {
    cron: setting(text, "", "When: minute, hour, day of month, month, day of week.", { required: true }),
    timeZone: setting(text, "UTC", "Time zone that the times are in, such as `Europe/Berlin`."),
    do: setting(
      oneOf("recordOn", "recordOff", "reboot", "snapshot", "telemetry"),
      "telemetry",
      "What is done: recording goes on or off, the machine is rebooted, a picture is taken, telemetry gets another interval.",
      { required: true },
    ),
    path: setting(text, "", "Path, or entry of `paths`, that is recorded or pictured; empty means every one."),
    value: setting(
      text,
      "",
      "snapshot: pictures kept of each path (100). telemetry: its interval (`5m`); empty is mqtt.telemetryInterval again. reboot: how much later it may still be done (1h).",
    ),
  },
} as const;

export type Schedule = Decoded<typeof schedule>;
export type InternalUser = Decoded<typeof internalUser>;
export type Permission = Decoded<typeof permission>;
