// What makes a gateway appear in Home Assistant by itself: one retained document that names its entities (MQTT device discovery, Home Assistant 2024.11).
import { createHash } from "node:crypto";
import type { GatewayIdentity, Topics } from "./topics.ts";

export interface HomeSite {
  readonly identity: GatewayIdentity;
  readonly topics: Topics;
  readonly version: string;
  /** Of the board; undefined: nobody says. */
  readonly model: string | undefined;
  readonly cameras: readonly string[];
  /** Cameras that have a recorder, or had one. */
  readonly recorded: readonly string[];
  /** Commands are taken from whoever the broker lets through: switches work. */
  readonly canSwitch: boolean;
  /** Pictures are sent. */
  readonly hasPictures: boolean;
  /** Of telemetry; entities without news for three of them are not known any more. */
  readonly intervalMs: number;
  /** The last telemetry: what is not measured here has no entity. */
  readonly telemetry: Readonly<Record<string, unknown>>;
}

export interface HomeDocument {
  readonly topic: string;
  readonly body: Readonly<Record<string, unknown>>;
}

type Component = Readonly<Record<string, unknown>>;

const MAX_CAMERAS = 64;
const REQUEST_MS = 60_000;

export function homeTopic(prefix: string, { tenant, gatewayId }: GatewayIdentity): string {
  return `${prefix}/device/camgate-${tenant}-${gatewayId}/config`;
}

/** Below `up/`: a camera's name may have characters that no topic should have. */
export function pictureTopic(camera: string): `blob/${string}` {
  return `blob/${shortHash(camera)}`;
}

export function homeDocument(prefix: string, site: HomeSite): HomeDocument {
  const { identity, topics, version, model } = site;
  const name = `camgate-${identity.tenant}-${identity.gatewayId}`;
  const cameras = site.cameras.slice(0, MAX_CAMERAS);
  const components = { ...gatewayComponents(site), ...Object.assign({}, ...cameras.map((camera) => cameraComponents(site, camera))) };
  const named = Object.entries<Component>(components).map(([key, component]) => [key, { unique_id: `${name}-${key}`, ...component }]);
  return {
    topic: homeTopic(prefix, identity),
    body: {
      device: {
        ...{ identifiers: [name], name: identity.gatewayId, manufacturer: "camgate", sw_version: version },
        ...(model !== undefined && { model }),
      },
      origin: { name: "camgate", sw_version: version },
      availability: [{ topic: topics.up("state"), value_template: "{{ 'online' if value_json.online else 'offline' }}" }],
      qos: 1,
      components: Object.fromEntries(named),
    },
  };
}

/** An entity that is read from telemetry. */
function reading({ topics, intervalMs }: HomeSite, platform: string, name: string, expression: string, more: Component = {}): Component {
  const value = platform === "binary_sensor" ? `'ON' if ${expression} else 'OFF'` : expression;
  return {
    ...{ platform, name, state_topic: topics.up("tel"), value_template: `{{ ${value} }}` },
    ...{ expire_after: Math.round((3 * intervalMs) / 1000), ...more },
  };
}

const DIAGNOSTIC = { entity_category: "diagnostic" } as const;
const MEASURED = { state_class: "measurement" } as const;

function gatewayComponents(site: HomeSite): Readonly<Record<string, Component>> {
  const { sys, rec, disk } = site.telemetry as {
    readonly sys?: { readonly temp_c?: unknown };
    readonly rec?: { readonly ring_mb?: unknown };
    readonly disk?: readonly { readonly mnt: string; readonly wear_pct?: unknown }[];
  };
  const sensor = (name: string, expression: string, more: Component): Component =>
    reading(site, "sensor", name, expression, { ...DIAGNOSTIC, ...more });
  const percent = { unit_of_measurement: "%", ...MEASURED };
  const disks = (disk ?? []).flatMap(({ mnt, wear_pct }, i) => [
    [
      `disk_${shortHash(mnt)}_free`,
      sensor(`Free on ${mnt}`, `value_json.disk[${i}].free_mb`, { device_class: "data_size", unit_of_measurement: "MB", ...MEASURED }),
    ] as const,
    ...(typeof wear_pct === "number"
      ? [[`disk_${shortHash(mnt)}_wear`, sensor(`Wear of ${mnt}`, `value_json.disk[${i}].wear_pct`, percent)] as const]
      : []),
  ]);
  const clock = { device_class: "problem", ...DIAGNOSTIC };
  return {
    cpu: sensor("Processor", "value_json.sys.cpu_pct", percent),
    memory: sensor("Memory", "value_json.sys.mem_used_pct", percent),
    ...(typeof sys?.temp_c === "number" && {
      temperature: sensor("Temperature", "value_json.sys.temp_c", { device_class: "temperature", unit_of_measurement: "°C", ...MEASURED }),
    }),
    clock: reading(site, "binary_sensor", "Clock", "value_json.clk.st != 'synced'", clock),
    ...(rec?.ring_mb !== undefined && {
      oldest: sensor("Oldest recording", "(value_json.rec.oldest / 1000) | timestamp_utc if value_json.rec.oldest else None", {
        device_class: "timestamp",
      }),
    }),
    ...Object.fromEntries(disks),
  };
}

function cameraComponents(site: HomeSite, camera: string): Readonly<Record<string, Component>> {
  const { topics, recorded, canSwitch, hasPictures } = site;
  const key = `cam_${shortHash(camera)}`;
  const literal = JSON.stringify(camera);
  const health = `(value_json.cams[${literal}] | default({}))`;
  const recorder = `(value_json.rec.cams[${literal}] | default({}))`;
  const isRecorded = `(${recorder}.st | default('off') != 'off')`;
  const fps = { unit_of_measurement: "fps", ...DIAGNOSTIC, ...MEASURED };
  const rate = { device_class: "data_rate", unit_of_measurement: "kbit/s", ...DIAGNOSTIC, ...MEASURED };
  return {
    [key]: reading(site, "binary_sensor", camera, `${health}.st | default('off') == 'live'`, { device_class: "connectivity" }),
    [`${key}_fps`]: reading(site, "sensor", `${camera} frames`, `${health}.fps | default(None)`, fps),
    [`${key}_rate`]: reading(site, "sensor", `${camera} rate`, `${health}.kbps | default(None)`, rate),
    ...(hasPictures && {
      [`${key}_picture`]: { platform: "camera", name: `${camera} picture`, topic: `${topics.root}/up/${pictureTopic(camera)}` },
    }),
    ...(canSwitch
      ? {
          [`${key}_recording`]: {
            ...{ platform: "switch", name: `${camera} recording`, state_topic: topics.up("tel") },
            ...{ value_template: `{{ 'true' if ${isRecorded} else 'false' }}`, state_on: "true", state_off: "false" },
            ...{ payload_on: "true", payload_off: "false", command_topic: topics.down("cmd"), command_template: requestTemplate(camera) },
          },
        }
      : recorded.includes(camera) && { [`${key}_recording`]: reading(site, "binary_sensor", `${camera} recording`, isRecorded) }),
  };
}

/** A whole command, made when the switch is pressed: its id is of no other, and it is for a minute. */
function requestTemplate(camera: string): string {
  const ms = "(as_timestamp(now()) * 1000) | int";
  const args = `{"cam":${JSON.stringify(camera)},"on":{{ value }}}`;
  return `{"v":1,"id":"ha-{{ ${ms} }}-{{ range(1000, 10000) | random }}","op":"rec.set","args":${args},"exp":{{ ${ms} + ${REQUEST_MS} }}}`;
}

function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
