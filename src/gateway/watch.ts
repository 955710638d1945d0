// Looks at cameras, machine and certificates again and again, where somebody wants to know what happens: what tells nobody by itself.
import { X509Certificate } from "node:crypto";
import { resolve } from "node:path";
import { readSmallFile } from "#base/read-small-file.ts";
import { codecProperties } from "#codecs/properties.ts";
import type { Config } from "#config/config.ts";
import { CameraEvents, type CameraPicture, type CameraSight } from "#events/camera-events.ts";
import type { CertificateSight } from "#events/machine-events.ts";
import type { PathSnapshot } from "#relay/path.ts";
import { configChanges } from "./config-changes.ts";
import type { GatewayContext } from "./context.ts";
import type { RunningPart } from "./part.ts";

const CAMERAS_MS = 1000;
const MACHINE_MS = 30_000;
const CERTIFICATES_MS = 600_000;
const DAY_MS = 86_400_000;
const FRESH_US = 10e6;
const MAX_CERTIFICATE_BYTES = 256 * 1024;
/** Of servers that use TLS only as another setting says. */
const SERVERS = ["api", "metrics", "pprof", "playback", "webrtc", "rtsp"] as const;

export async function start(context: GatewayContext, config: Config): Promise<RunningPart> {
  const { events, clock } = context;
  const cameras = new CameraEvents({ emit: events.bus.emit, utcMs: (atUs) => Math.round(clock.utcOf(atUs).utcUs / 1000) });
  const sights = new CameraSights(context);
  const closing = new AbortController();
  let before = config;
  clock.keeper?.onEvent(events.machine.onClock, closing.signal);
  const look = (): void => cameras.look(sights.read(), clock.nowUs());
  const lookAtMachine = async (): Promise<void> => {
    const health = await context.health?.read();
    if (health !== undefined && !closing.signal.aborted) events.machine.look(health);
  };
  const lookAtCertificates = async (): Promise<void> => {
    const found = await certificatesOf(context);
    if (!closing.signal.aborted && found !== undefined) events.machine.lookAtCertificates(found);
  };
  const timers = [
    setInterval(look, CAMERAS_MS),
    setInterval(() => void lookAtMachine(), MACHINE_MS),
    setInterval(() => void lookAtCertificates(), CERTIFICATES_MS),
  ];
  void lookAtMachine();
  void lookAtCertificates();
  return {
    update(next) {
      const changed = configChanges(before, next);
      before = next;
      if (changed.length === 0) return;
      events.bus.emit({ type: "cfg.applied", severity: "info", phase: "new", data: { changed }, atUs: clock.nowUs() });
      void lookAtCertificates();
    },
    async close() {
      closing.abort();
      for (const timer of timers) clearInterval(timer);
    },
  };
}

/** Cameras as they are, and what has to be remembered of them. */
class CameraSights {
  readonly #context: GatewayContext;
  /** By path: the newest picture. */
  readonly #lastFrameUs = new Map<string, number>();

  constructor(context: GatewayContext) {
    this.#context = context;
  }

  read(): readonly CameraSight[] {
    const { registry, clock } = this.#context;
    const sights = registry.list().map((path) => this.#sightOf(path.snapshot(), clock.nowUs()));
    const names = new Set(sights.map(({ name }) => name));
    for (const name of this.#lastFrameUs.keys()) if (!names.has(name)) this.#lastFrameUs.delete(name);
    return sights;
  }

  #sightOf(snapshot: PathSnapshot, nowUs: number): CameraSight {
    const { name, state, tallies, sourceState, lastError, reconnects } = snapshot;
    const newestUs = Math.max(...tallies.map(({ lastCaptureUs }) => lastCaptureUs ?? 0), 0);
    if (newestUs > 0) this.#lastFrameUs.set(name, newestUs);
    const lastFrameUs = this.#lastFrameUs.get(name);
    return {
      name,
      // Who publishes is awaited once he was there; a source is wanted while it runs.
      isWanted: sourceState === undefined ? lastFrameUs !== undefined : sourceState !== "off",
      isLive: state === "available" && nowUs - newestUs < FRESH_US,
      lastFrameUs,
      error: lastError,
      attempts: reconnects,
      picture: state === "available" ? pictureOf(snapshot) : undefined,
    };
  }
}

function pictureOf({ tracks }: PathSnapshot): CameraPicture | undefined {
  const track = tracks.find(({ kind }) => kind === "video");
  if (track === undefined) return undefined;
  const props = codecProperties(track.parameters).props ?? {};
  const numberOf = (name: string): number | null => Number(props[name] ?? 0) || null;
  const profile = props["profile"];
  return {
    codec: track.parameters.codec,
    w: numberOf("width"),
    h: numberOf("height"),
    profile: typeof profile === "string" ? profile : null,
  };
}

/** Those that are presented to others. One that cannot be read is told by whoever needs it. Undefined: nobody knows the time. */
async function certificatesOf({ config, fs, fleet, clock }: GatewayContext): Promise<readonly CertificateSight[] | undefined> {
  const { global } = config;
  const files: (readonly [setting: string, path: string])[] = SERVERS.flatMap((server) => {
    const isOn = server === "rtsp" ? global.rtspEncryption !== "no" : global[server] && global[`${server}Encryption`];
    return isOn ? [[`${server}ServerCert`, global[`${server}ServerCert`]] as const] : [];
  });
  const sights: CertificateSight[] = [];
  const { utcUs, quality } = clock.utcOf(clock.nowUs());
  if (quality === "none") return undefined;
  const add = (setting: string, { validFrom, validTo }: X509Certificate): void => {
    const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
    sights.push({ setting, daysLeft: (to - utcUs / 1000) / DAY_MS, lifeDays: (to - from) / DAY_MS });
  };
  // One that was renewed over the link is shown in place of the file's.
  const shown = fleet?.certificates.shown;
  if (shown !== undefined) add("mqtt.cert", shown);
  else files.push(["mqtt.cert", global.mqtt.cert]);
  for (const [setting, path] of files) {
    if (path === "") continue;
    try {
      const bytes = await readSmallFile(fs, resolve(path), MAX_CERTIFICATE_BYTES);
      if (bytes !== undefined) add(setting, new X509Certificate(bytes));
    } catch {}
  }
  return sights;
}
