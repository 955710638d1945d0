// The gateway in Home Assistant: its entities, and pictures of its cameras, as long as the config names a discovery prefix.
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { afterDelay } from "#base/schedule.ts";
import { version } from "#base/version.ts";
import { homeDocument, homeTopic, pictureTopic } from "#fleet/home-assistant.ts";
import { RetainedFeed } from "#fleet/retained-feed.ts";
import type { GatewayIdentity, Topics } from "#fleet/topics.ts";
import type { Uplink } from "#fleet/uplink.ts";
import type { GatewayContext } from "./context.ts";
import { longestTelemetryMs } from "./telemetry-interval.ts";

export interface FleetHomeOptions {
  readonly identity: GatewayIdentity;
  readonly topics: Topics;
  readonly uplink: Uplink;
  /** Of now. */
  telemetry(): Promise<Readonly<Record<string, unknown>>>;
  /** The inventory. */
  info(): Promise<Readonly<Record<string, unknown>>>;
  readonly log: Log;
}

const PICTURE = { format: "jpg", maxWidth: 640, quality: 60 } as const;
const MAX_PICTURE_BYTES = 64 * 1024;
/** While none are sent: how often it is looked whether they should be. */
const IDLE_MS = 60_000;

export class FleetHome {
  readonly #context: GatewayContext;
  readonly #options: FleetHomeOptions;
  readonly #feed: RetainedFeed;
  readonly #closing = new AbortController();
  /** Cameras that were recorded since the start: switched off they are still theirs. */
  readonly #recorded = new Set<string>();
  #prefix: string;
  #cancel: (() => void) | undefined;
  #hasFailed = false;

  constructor(context: GatewayContext, options: FleetHomeOptions) {
    const { uplink, log } = options;
    this.#context = context;
    this.#options = options;
    this.#prefix = context.config.global.mqtt.homeAssistantDiscovery;
    this.#feed = new RetainedFeed({
      ...{ name: "Home Assistant", uplink, schedule: afterDelay, log },
      read: () => this.#read(),
      publish: (document) => {
        const { topic, body } = document as Awaited<ReturnType<typeof this.document>>;
        return uplink.post({ topic, payload: JSON.stringify(body), qos: 1, retain: true });
      },
    });
    this.#schedulePictures();
  }

  /** After each birth. */
  tell(): void {
    this.#feed.tell();
  }

  /** Another config runs. */
  update(): void {
    const before = this.#prefix;
    this.#prefix = this.#context.config.global.mqtt.homeAssistantDiscovery;
    if (before === this.#prefix) return;
    const { uplink, identity } = this.#options;
    if (before !== "") uplink.post({ topic: homeTopic(before, identity), payload: "", qos: 1, retain: true }).catch(() => {});
    this.#feed.tell();
  }

  close(): void {
    this.#closing.abort();
    this.#cancel?.();
    this.#feed.close();
  }

  async document() {
    const { identity, topics, telemetry, info } = this.#options;
    const { mqtt } = this.#context.config.global;
    const [now, site] = [await telemetry(), await info()];
    const cams = site["cams"] as Readonly<Record<string, { readonly rec: boolean }>>;
    for (const [name, { rec }] of Object.entries(cams)) if (rec) this.#recorded.add(name);
    return homeDocument(this.#prefix, {
      ...{ identity, topics, version, cameras: Object.keys(cams), recorded: [...this.#recorded], telemetry: now },
      model: (site["hw"] as { readonly model?: string } | undefined)?.model,
      canSwitch: mqtt.commands === "broker",
      hasPictures: mqtt.homeAssistantPictures > 0,
      intervalMs: longestTelemetryMs(this.#context.config),
    });
  }

  async #read(): Promise<object | undefined> {
    return this.#prefix === "" ? undefined : await this.document();
  }

  #schedulePictures(): void {
    const { homeAssistantPictures } = this.#context.config.global.mqtt;
    const isOn = this.#prefix !== "" && homeAssistantPictures > 0;
    this.#cancel = afterDelay(
      () => void this.#sendPictures(isOn).finally(() => this.#closing.signal.aborted || this.#schedulePictures()),
      isOn ? homeAssistantPictures : IDLE_MS,
    );
  }

  /** One camera after the other: each starts a decoder. Never rejects. */
  async #sendPictures(isOn: boolean): Promise<void> {
    const { registry, capture } = this.#context;
    const { uplink, topics, log } = this.#options;
    const { signal } = this.#closing;
    if (!isOn) return;
    for (const path of registry.list()) {
      if (signal.aborted || !uplink.isOpen) return;
      const { state, tracks } = path.snapshot();
      if (state !== "available" || !tracks.some(({ kind }) => kind === "video")) continue;
      try {
        const { bytes } = await capture.takeSnapshot({ path: path.name, ...PICTURE }, signal);
        if (bytes.length > MAX_PICTURE_BYTES) throw new Error(`the picture of ${path.name} has ${bytes.length} bytes`);
        await uplink.post({ topic: `${topics.root}/up/${pictureTopic(path.name)}`, payload: bytes, qos: 0, contentType: "image/jpeg" });
        this.#hasFailed = false;
      } catch (error) {
        if (!this.#hasFailed && !signal.aborted) log.warn(`no picture for Home Assistant: ${errorText(error)}`);
        this.#hasFailed = true;
      }
    }
  }
}
