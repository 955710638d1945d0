// Every operation of dn/cmd, §8: its arguments, its result, and how often it may be asked.
import type { JsonSchema } from "./schema.ts";
import { closed, count, flag, list, mapOf, number, object, oneOf, orNull, text, time } from "./schema.ts";
import { camera, commandId, hexSha256, pushedStream, pushState } from "./words.table.ts";

export interface Operation {
  readonly name: string;
  readonly summary: string;
  /** Has to be signed, where `mqtt.commands` is `signed`. */
  readonly isPrivileged: boolean;
  readonly limit?: string;
  readonly args: JsonSchema;
  readonly result: JsonSchema;
}

const NOTHING = closed("No arguments.", {});
const DONE = object("Nothing to tell.", {});
const timeArgument = (description: string): JsonSchema => ({
  anyOf: [{ type: "integer", minimum: 0 }, { type: "string" }],
  description: `${description} UTC, ms since 1970, or RFC 3339.`,
});
const RANGE = { from: timeArgument("Begin."), to: timeArgument("End.") };
const DELAY = closed(
  "When and why.",
  {},
  { delay_s: number("Wait before.", { minimum: 0, maximum: 3600 }), why: text("For the log.", { maxLength: 256 }) },
);
const UPLOAD = closed(
  "An HTTPS server that takes it, of a host that the gateway's own config allows.",
  { put: text("Where to PUT it.", { pattern: "^https://\\S+$" }) },
  {
    headers: mapOf(text("Value."), "Sent with each part."),
    part_mb: count("Size of a part, MiB; without it one PUT.", { minimum: 1, maximum: 1024 }),
  },
);
const LEASE = object("A lease: it ends by itself.", { lid: text("Its name."), exp: time("When it ends.") });
const STREAM_LEASE = object(
  "A lease: it ends by itself.",
  { lid: text("Its name."), exp: time("When it ends.") },
  { st: pushState, err: orNull(text("Why the last attempt to reach the receiver ended, if it does not take media now.")) },
);
const LEASE_ID = closed("Which.", { lid: text("Name of the lease.", { maxLength: 64 }) });

const unprivileged = (name: string, summary: string, args: JsonSchema, result: JsonSchema, limit?: string): Operation => ({
  ...{ name, summary, isPrivileged: false, args, result },
  ...(limit !== undefined && { limit }),
});
const privileged = (...words: Parameters<typeof unprivileged>): Operation => ({ ...unprivileged(...words), isPrivileged: true });

export const operations: readonly Operation[] = [
  unprivileged(
    "ping",
    "Answers with the gateway's clocks.",
    NOTHING,
    object("Its clocks.", { ts: time("Now."), mono: count("CLOCK_MONOTONIC, ms.") }),
    "10 a second",
  ),
  unprivileged("rebirth", "Publishes state, inventory, config and telemetry again.", NOTHING, DONE, "one in 30 s"),
  unprivileged("cmd.cancel", "Ends a command that runs.", closed("Which.", { id: commandId }), DONE),
  unprivileged(
    "backoff",
    "Says how long to wait before the next attempts to connect, for a time: before a broker is restarted.",
    closed("The window.", {
      min_s: number("Least wait.", { minimum: 0, maximum: 3600 }),
      max_s: number("Longest wait.", { minimum: 0, maximum: 3600 }),
      ttl_s: number("For how long.", { minimum: 1, maximum: 86_400 }),
    }),
    DONE,
  ),
  unprivileged(
    "cam.snapshot",
    "The last keyframe of a camera as JPEG, or as MP4 without decoding it.",
    closed(
      "Which picture.",
      { cam: camera },
      {
        fmt: oneOf(["jpg", "mp4"], "jpg, where nothing is said."),
        max_w: count("Width at most, of jpg.", { minimum: 1, maximum: 8192 }),
        q: count("Quality of jpg.", { minimum: 1, maximum: 100 }),
        dest: UPLOAD,
      },
    ),
    object(
      "The picture.",
      { ts: time("When it was taken."), bytes: count("Its size."), sha256: hexSha256 },
      { bid: text("It is on up/blob/{bid}."), url: text("It lies there."), type: text("Its media type.") },
    ),
    "one a second; privileged with `dest`",
  ),
  privileged(
    "cam.restart",
    "Ends the session with a camera that is pulled, and connects anew. Viewers stay.",
    closed("Which.", { cam: camera }),
    DONE,
  ),
  privileged(
    "cam.add",
    "Adds a camera until the next start; the config keeps one for good.",
    closed("The camera.", { cam: camera, source: text("Its URL.", { maxLength: 2048 }) }, { record: flag("Record it.") }),
    DONE,
  ),
  privileged("cam.del", "Removes a camera that cam.add has added.", closed("Which.", { cam: camera }), DONE),
  privileged(
    "cam.set",
    "Changes settings of a camera until the next start.",
    closed("What.", { cam: camera, settings: { type: "object", description: "Settings of a path." } }),
    DONE,
  ),
  unprivileged(
    "rec.list",
    "Stretches of footage of a camera, in the order of recording.",
    closed(
      "Which.",
      { cam: camera },
      { ...RANGE, max: count("At most.", { minimum: 1, maximum: 1000 }), cursor: text("`next` of the page before.", { maxLength: 15 }) },
    ),
    object("A page.", {
      cam: camera,
      spans: list(
        object("A stretch.", {
          from: time("Begin."),
          to: time("End."),
          tq: text("Quality of the times."),
          err_ms: orNull(number("Bound of their error.")),
          gap: orNull(text("Why footage is missing before it.")),
          bytes: count("Size."),
          locked: flag("Kept."),
          open: flag("It still grows."),
        }),
        "In order.",
      ),
      next: orNull(text("Cursor of the page behind; null: none.")),
    }),
  ),
  privileged(
    "rec.set",
    "Switches recording of a camera on or off.",
    closed("What.", { cam: camera, on: flag("Record it.") }),
    object("What holds.", { on: flag("It is recorded."), kept: flag("It survives a restart.") }),
  ),
  privileged(
    "rec.lock",
    "Keeps footage from being overwritten.",
    closed(
      "What.",
      { cam: camera, ...RANGE },
      { reason: text("Why.", { maxLength: 256 }), until: timeArgument("Until then; else until unlocked.") },
    ),
    object(
      "The lock.",
      { lock_id: text("Its name."), mb: number("What it keeps.") },
      { cam: camera, from: time("Begin."), to: time("End."), until: orNull(time("Its end.")), reason: text("Why.") },
    ),
  ),
  privileged("rec.unlock", "Gives up a lock.", closed("Which.", { lock_id: text("Its name.", { maxLength: 100 }) }), DONE),
  privileged(
    "clip.export",
    "Writes footage to MP4 files, and sends them where `dest` says.",
    closed(
      "What.",
      { cam: camera, ...RANGE },
      { fmt: oneOf(["mp4", "fmp4"], "mp4, where nothing is said."), dest: UPLOAD, max_kbps: count("Of the upload.", { minimum: 1 }) },
    ),
    object(
      "The clip.",
      {
        parts: count("Parts that were sent, or files that were made."),
        bytes: count("Size of all."),
        actual_from: time("Begin."),
        actual_to: time("End."),
      },
      {
        sha256: hexSha256,
        next: time("More footage begins here, which the file cannot hold: the camera's tracks changed."),
        folder: text("Below the gateway's folder of clips."),
        files: list(
          object("A file.", { name: text("Its name."), bytes: count("Its size."), from: time("Its begin."), sha256: hexSha256 }),
          "Files made.",
        ),
      },
    ),
    "two at once",
  ),
  privileged(
    "stream.push",
    "Sends a camera live to a server, for a time; answered once the server takes it, or does not at first.",
    closed(
      "Where.",
      {
        cam: camera,
        proto: oneOf(["srt", "whip", "rtsp", "rtmps"], "How; a gateway that lacks it answers E_UNSUPPORTED."),
        url: text("To: `rtsps://` or `https://`, at a host that the gateway's own config allows.", { maxLength: 2048 }),
      },
      {
        token: text("Bearer token, of whip.", { maxLength: 4096 }),
        fingerprint: text("SHA-256 of the server's certificate, in hexadecimal: it is trusted, and no other.", { maxLength: 128 }),
        ttl_s: count("How long; 300, where nothing is said.", { minimum: 10, maximum: 3600 }),
        max_kbps: count("At most: the picture is encoded anew, by ffmpeg; E_UNSUPPORTED where there is none.", {
          minimum: 50,
          maximum: 50_000,
        }),
        profile: oneOf(["low"], "640 pixels wide, 10 pictures a second, 400 kbit/s or `max_kbps`; encoded anew as well."),
      },
    ),
    STREAM_LEASE,
    "two at once",
  ),
  privileged("stream.renew", "Makes a lease last longer: from now on for as long as it was asked for.", LEASE_ID, STREAM_LEASE),
  privileged("stream.stop", "Ends a lease.", LEASE_ID, object("What was sent.", {}, { bytes: count("Media.") })),
  privileged(
    "io.set",
    "Sets a named output.",
    closed(
      "What.",
      { pin: text("Its name.", { maxLength: 64 }), v: count("0 or 1.", { maximum: 1 }) },
      { ms: count("Back after this.", { minimum: 1, maximum: 3_600_000 }) },
    ),
    DONE,
  ),
  privileged(
    "log.tail",
    "Lines of the log on up/log, for a time; secrets taken out. With `lid` the lease lasts longer.",
    closed(
      "What.",
      {},
      {
        ttl_s: count("How long; 300, where nothing is said.", { minimum: 1, maximum: 3600 }),
        level: oneOf(["debug", "info", "warn", "error"], "Least; info, where nothing is said."),
        last: count("So many lines of before come first.", { maximum: 200 }),
        lid: text("The lease that is to last longer.", { maxLength: 64 }),
      },
    ),
    LEASE,
    "one at once",
  ),
  privileged("log.stop", "Ends a lease of log.tail.", LEASE_ID, DONE),
  privileged(
    "diag.bundle",
    "What somebody needs to find a fault, sent as one file (tar.gz); secrets taken out.",
    closed("Where to.", { dest: UPLOAD }),
    object(
      "The file.",
      { bytes: count("Size."), sha256: hexSha256 },
      { parts: count("Parts that were sent."), files: list(text("Name."), "What is in it.") },
    ),
    "one at once",
  ),
  privileged(
    "disk.adopt",
    "Takes a card that another gateway wrote.",
    closed("Which.", { mnt: text("Where it is mounted.", { maxLength: 255 }) }),
    DONE,
  ),
  privileged("disk.repair", "Repairs a file system.", closed("Which.", { mnt: text("Where it is mounted.", { maxLength: 255 }) }), DONE),
  privileged("sys.restart_app", "Starts the gateway's process anew.", DELAY, DONE, "one in 10 min"),
  privileged("sys.reboot", "Boots the machine anew.", DELAY, DONE, "one in 10 min; not during an update"),
  privileged(
    "key.rotate",
    "Replaces the keys that may sign; signed by one of them, or by the root key.",
    closed("The key file.", { keys: list({ type: "object" }, "Public keys, as JWK.", { minItems: 1, maxItems: 2 }) }),
    DONE,
  ),
  privileged(
    "cert.renew",
    "First without `cert`: the gateway makes a request for a certificate; then with the one that was issued, which counts when the broker takes it.",
    closed("The certificate.", {}, { cert: text("PEM.", { maxLength: 16_384 }) }),
    object(
      "The request, or the certificate that is shown now.",
      {},
      { csr: text("PEM."), serial: text("Serial number, in hexadecimal."), not_after: time("Its end.") },
    ),
  ),
  // Beyond the first issue of the contract.
  unprivileged(
    "stream.list",
    "Leases of streams that are pushed.",
    NOTHING,
    object("All.", { leases: list(pushedStream, "Two at most.") }),
  ),
  // The same command as over HTTP.
  unprivileged(
    "rec.locks",
    "Locks on footage, of all cameras or of one.",
    closed("Of which.", {}, { cam: camera }),
    object("Locks.", { locks: list(object("A lock.", { lock_id: text("Its name."), cam: camera }), "All of them.") }),
  ),
  unprivileged(
    "rec.state",
    "What the recorders do, and the state of the ring.",
    closed("Of which.", {}, { cam: camera }),
    object("As `up/tel`.", {}),
  ),
  unprivileged(
    "cam.state",
    "How each camera is, or one of them.",
    closed("Which.", {}, { cam: camera }),
    object("As `up/tel`.", { cams: { type: "object" } }),
  ),
  unprivileged(
    "sched.list",
    "The schedules of the config: when each is due next, and how it went the last time.",
    NOTHING,
    object("Schedules.", {
      trusted: flag("False: nothing is done until the time is known."),
      schedules: list(
        object("One.", {
          cron: text("When."),
          zone: text("Time zone of that."),
          do: text("What."),
          path: orNull(text("Path, or entry of paths; null: every one, or none.")),
          value: orNull(text("Its value.")),
          next: orNull(time("When it is due next.")),
          last: orNull(time("When it last was, since the start of the process.")),
          running: flag("It is being done."),
          err: orNull(text("What went wrong the last time.")),
        }),
        "As in the config.",
      ),
    }),
  ),
  unprivileged("health", "The document that is sent as telemetry.", NOTHING, object("As `up/tel`, without the envelope.", {})),
  privileged(
    "cam.try",
    "Connects to a camera that is not configured, and tells what tracks it has.",
    closed(
      "The camera.",
      { source: text("Its URL.", { maxLength: 2048 }) },
      { transport: oneOf(["automatic", "tcp", "udp", "multicast"], "automatic, where nothing is said.") },
    ),
    object("What it has.", { tracks: list(text("Codec."), "Its tracks.") }),
  ),
  privileged(
    "audit.list",
    "Who did what to this gateway, and whether that log is whole.",
    closed(
      "Which entries.",
      {},
      { from: count("The first, by number.", { minimum: 1 }), max: count("At most.", { minimum: 1, maximum: 100 }) },
    ),
    object("A page.", {
      entries: list(
        object(
          "One entry. `h` is SHA-256 over the `h` before it and the text of the entry without its own.",
          {
            n: count("Its number."),
            ts: time("When."),
            tq: text("Quality of the time."),
            boot: count("Boot."),
            mono: count("CLOCK_MONOTONIC of that boot, ms."),
            who: text("Who."),
            op: text("What."),
            h: hexSha256,
          },
          { st: oneOf(["run", "err"], "It was begun; it failed."), cam: camera, data: { type: "object" }, p: hexSha256 },
        ),
        "In order.",
      ),
      next: orNull(count("The first of the next page.")),
      head: object("The last of all.", { n: count("Its number."), h: hexSha256 }),
      broken: orNull(count("The first that does not follow on the one before.")),
    }),
  ),
  privileged("cfg.show", "The config that runs, without secrets, and where each setting came from.", NOTHING, object("Settings.", {})),
  unprivileged("cfg.status", "When the config was read, and why the last one was refused.", NOTHING, object("The status.", {})),
];

/** By name. */
export const operationByName: ReadonlyMap<string, Operation> = new Map(operations.map((operation) => [operation.name, operation]));

export const UPDATE_JOB = "upd.install";
/** What may be a job, §10: commands that can be done once more when the gateway stopped in the middle, and what an image brings. */
export const jobOperations: readonly string[] = ["cam.restart", "cam.set", "rec.set", "diag.bundle", "sys.restart_app", UPDATE_JOB];
