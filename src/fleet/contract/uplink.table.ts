// up/state, up/info, up/evt, up/bulk, up/res, up/cfg, up/job, up/log and up/blob, §5 and §7 to §10: what a gateway tells beside its health.
import { count, flag, list, mapOf, number, object, oneOf, orNull, text, time } from "./schema.ts";
import { camera, commandId, envelope, enveloped, error, hash, hexSha256, operationName } from "./words.table.ts";

const birth = enveloped(
  object(
    "Birth: the gateway is there. Nothing else of a session comes before it.",
    {
      online: { const: true, description: "It is there." },
      why: oneOf(["connect", "boot", "rebirth", "takeover"], "Why it is told."),
    },
    {
      boot_id: text("The kernel's name of this boot, a UUID."),
      reset: oneOf(["power", "watchdog", "reboot_cmd", "update", "panic", "unknown"], "Why the machine was booted."),
      sw: text("Version of the software."),
      slot: text("Slot of the image that runs."),
      slot_state: oneOf(["good", "probation"], "Whether the image is to stay."),
      cfg_ver: count("Version of the desired config that runs."),
      cfg_hash: orNull(hash),
      up_s: count("How long the process runs."),
      prev_uptime_s: orNull(number("How long the process before this one ran.")),
      dirty: flag("The process before this one was cut off."),
      audit: object("The last entry of the audit log: whoever keeps it sees when entries are cut off.", {
        n: count("Its number; 0: there is none."),
        h: hexSha256,
      }),
      outbox: object(
        "What waits.",
        { evt: count("Events and results."), tel: count("Telemetry.") },
        { oldest_ts: orNull(time("The oldest.")) },
      ),
    },
  ),
);

const death = enveloped(
  object("The gateway says that it goes.", {
    online: { const: false, description: "It is gone." },
    why: oneOf(["shutdown", "reboot", "update"], "Why."),
  }),
);

const will = object(
  "The will: the broker says it, some time after the connection was lost. Ignore it if `sid` is below that of the last birth.",
  {
    v: envelope["v"]!,
    sid: envelope["sid"]!,
    online: { const: false, description: "It is gone." },
    why: { const: "lwt", description: "It did not say so itself." },
  },
);

export const state = { description: "Birth, death and will, retained in one place.", anyOf: [birth, death, will] };

export const info = enveloped(
  object(
    "Inventory: what there is at the site.",
    { sw: text("Version of the software.") },
    {
      hw: object(
        "The machine.",
        {},
        {
          ...{ model: text("Board or system."), serial: text("Serial number."), cpu: text("Processor.") },
          ...{ cores: count("Its cores."), mem_mb: number("Memory.") },
        },
      ),
      os: object(
        "The operating system.",
        {},
        {
          ...{ name: text("Distribution."), kernel: text("Kernel."), arch: text("Architecture of the processor."), node: text("Node.js.") },
        },
      ),
      disks: list(
        object(
          "A block device.",
          { n: text("Its name."), mb: number("Its size.") },
          { model: text("Maker and model."), type: text("Kind."), serial: text("Serial number.") },
        ),
        "Media.",
      ),
      nics: list(object("A network interface.", { n: text("Its name."), mac: text("Its address.") }), "Network interfaces."),
      support_until: text("Until when this version gets security updates: the end of that day.", { pattern: "^\\d{4}-\\d{2}-\\d{2}$" }),
      security_contact: text("Where to tell of a vulnerability: a URI."),
      keys: object(
        "The gateway's public keys, in base64url.",
        {},
        {
          identity: text("Ed25519: names it."),
          sealing: text("X25519: secrets in a desired config are sealed to it."),
          signers: list(text("Its kid."), "Keys of the NOC that may sign."),
        },
      ),
      cert: object("The certificate that the gateway shows to its broker.", {
        serial: text("Serial number, in hexadecimal."),
        not_after: time("Its end."),
      }),
      ops: list(operationName, "Operations that this gateway has."),
      cams: mapOf(object("One camera.", {}, { codec: orNull(text("Codec.")), rec: flag("It is recorded.") }), "By path."),
      jobs: list(
        object(
          "A job.",
          { job: text("Its name."), st: text("Its state.") },
          { xv: count("Number of its last update, as in `up/job`."), e: error },
        ),
        "The one at hand, then the last ones, the newest first.",
      ),
    },
  ),
);

export const EVENT_TYPES = [
  ...["cam.lost", "cam.back", "cam.flap", "cam.params", "cam.frozen", "cam.tamper", "io.tamper", "io.door"],
  ...["rec.gap", "rec.stop", "rec.resume", "disk.ro", "disk.io", "disk.slow", "disk.wear"],
  ...["sys.boot", "sys.hot", "sys.power", "sys.crash", "clk.synced", "clk.step", "clk.lost"],
  ...["sec.auth", "sec.ban", "sec.cert", "cfg.applied", "cmd.denied", "stream.push", "evt.suppressed"],
] as const;

export const event = enveloped(
  object(
    "Something happened. Delivered at least once: `id` tells what came twice.",
    {
      id: text("Of this event.", { pattern: "^[0-9A-Za-z-]{1,64}$" }),
      type: text(`What: ${EVENT_TYPES.join(", ")}, cfg.*, job.*. Take others as they are.`, { pattern: "^[a-z]+\\.[a-z_]+$" }),
      sev: oneOf(["info", "warn", "crit"], "How bad."),
      ph: oneOf(["new", "update", "end"], "Begin, change or end of what lasts."),
      data: { type: "object", description: "What belongs to this type." },
    },
    { ref: text("`id` of the event that began it."), cam: camera },
  ),
);

export const bulkLine = {
  description: "up/bulk is gzip of lines, up to 64 KiB: each is what would have come at its time on the topic that `t` names.",
  type: "object",
  required: [...Object.keys(envelope), "t"],
  properties: { ...envelope, t: oneOf(["evt", "tel", "res", "job", "cfg", "log"], "Topic below `up/`.") },
};

export const response = enveloped(
  object(
    "How a command is. Exactly one terminal state comes: all but `ack` and `run`.",
    {
      id: { ...orNull(commandId), description: "Of the command; null: it could not be read." },
      st: oneOf(
        ["ack", "run", "ok", "err", "rej", "exp", "cancel", "lost"],
        "Taken, running, done, failed, refused, too late, cancelled, cut off by a crash.",
      ),
      n: count("1, 2, … for each answer of a command.", { minimum: 1 }),
    },
    {
      pct: count("How far.", { maximum: 100 }),
      msg: text("What it is at, for people."),
      res: { description: "Result of the operation, with `ok`." },
      e: error,
    },
  ),
);

export const configReport = enveloped(
  object(
    "Which desired config runs, and what became of the last one.",
    {
      ver: count("Version that runs; 0: none."),
      hash: orNull(hash),
      st: oneOf(["none", "fetching", "probation", "applied", "rejected", "rolled_back"], "What became of version `about`."),
      about: count("The version that `st` is about."),
      prev: orNull(count("Version that ran before.")),
      err: orNull(text("Why it was refused or undone.")),
      bad: list(count("A version."), "Versions that failed: they are not tried again."),
    },
    {
      top: count("The highest version that ever ran: the next one has to be above it."),
      local: object("What an installer changed on site.", {}, { hash: orNull(hash), by: text("Who."), ts: time("When.") }),
    },
  ),
);

export const jobUpdate = enveloped(
  object("How a job is.", {
    job: text("Its name.", { pattern: "^[0-9A-Za-z_-]{1,64}$" }),
    xv: count("One more with each update: ignore lower ones.", { minimum: 1 }),
    st: oneOf(["queued", "wait", "run", "ok", "err", "rej", "rolledback", "cancel"], "The last five are ends."),
    step: orNull(text("Step that runs: download, verify, install, reboot, probation, commit.")),
    pct: count("How far the step is; 100 with `ok`.", { maximum: 100 }),
    e: { anyOf: [error, { type: "null" }] },
  }),
);

export const logLines = enveloped(
  object(
    "Lines of the log, while somebody has asked for them with `log.tail`.",
    { lines: list(text("One line, secrets taken out."), "Oldest first.") },
    { lid: text("The lease."), dropped: count("Lines left out: too many at once.") },
  ),
);
