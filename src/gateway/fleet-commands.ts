// The gateway's commands as the link has them: those of every caller, and what only the NOC needs.
import { randomUUID } from "node:crypto";
import { CallerFault } from "#base/errors.ts";
import { auditCommands } from "#commands/audit.ts";
import { booleanField, cameraField, fault, readFields, textField } from "#commands/command-input.ts";
import { diagnosticsCommands } from "#commands/diagnostics.ts";
import { outputCommands } from "#commands/outputs.ts";
import { powerCommands } from "#commands/power.ts";
import { SnapshotResult } from "#commands/snapshots.ts";
import { decodeJsonSettings } from "#config/json-settings.ts";
import { localOnlyRule, mayComeFrom } from "#config/merge-layers.ts";
import { pathSchema } from "#config/schema.ts";
import type { Command } from "#control/command.ts";
import type { OperationLimit } from "#fleet/command-intake.ts";
import { MAX_LEASES } from "#fleet/stream-leases.ts";
import type { GatewayContext } from "./context.ts";
import { diagnosticsOf } from "./diagnostics.ts";
import { POWER_EVERY_MS } from "./power.ts";
import { secretHider } from "./secrets.ts";
import { streamCommands } from "./stream-commands.ts";
import { fileSender } from "./uploads.ts";

/** Of the contract's table. */
export const GATEWAY_COMMAND_LIMITS: ReadonlyMap<string, OperationLimit> = new Map([
  ["cam.snapshot", { rate: { burst: 2, everyMs: 1000 }, atOnce: 2 }],
  ["clip.export", { atOnce: 2 }],
  ["diag.bundle", { atOnce: 1 }],
  ["stream.push", { atOnce: MAX_LEASES }],
  ["io.set", { atOnce: 8 }],
  ["sys.restart_app", { rate: { burst: 1, everyMs: POWER_EVERY_MS } }],
  ["sys.reboot", { rate: { burst: 1, everyMs: POWER_EVERY_MS } }],
]);

/** A picture that goes over the broker. */
const MAX_BLOB_BYTES = 64 * 1024;
/** Of a JPEG when none is asked for: one that fits. */
const BLOB_WIDTH = 640;
const MAX_SOURCE_LENGTH = 2048;
/** Over a network no source starts a program, reads a file or listens. */
const SOURCE = /^rtsps?:\/\//;

type Settings = Readonly<Record<string, unknown>>;
type SendBlob = (id: string, bytes: Buffer) => Promise<void>;

export function gatewayCommandsOf(context: GatewayContext, sendBlob: SendBlob): readonly Command[] {
  const shared = context.commands!.commands.list.map((command) => (command.name === "cam.snapshot" ? asBlob(command, sendBlob) : command));
  return [
    ...shared,
    ...cameraChanges(context),
    ...powerCommands(context.power),
    ...outputCommands(context),
    ...auditCommands({ log: () => context.audit?.log }),
    ...streamCommands(context),
    ...diagnostics(context),
  ];
}

function diagnostics(context: GatewayContext): readonly Command[] {
  const { clock } = context;
  return diagnosticsCommands({
    entries: () => diagnosticsOf(context),
    hide: secretHider(context),
    utcMs: () => clock.utcOf(clock.nowUs()).utcUs / 1000,
    send: fileSender(context),
  }) as readonly Command[];
}

/** The picture itself goes up as a message of its own. */
function asBlob(snapshot: Command, sendBlob: SendBlob): Command {
  return {
    ...snapshot,
    parse: (input) => {
      const { cam, fmt = "jpg", max_w, q, dest } = readFields(input, ["cam", "fmt", "max_w", "q", "dest"]);
      if (dest !== undefined && dest !== null) return snapshot.parse(input); // it does not go over the broker
      const maxWidth = max_w ?? (fmt === "jpg" ? BLOB_WIDTH : undefined);
      return snapshot.parse({ cam, fmt, ...(maxWidth !== undefined && { max_w: maxWidth }), ...(q !== undefined && { q }) });
    },
    run: async (input, commandContext) => {
      const picture = await snapshot.run(input, commandContext);
      if (!(picture instanceof SnapshotResult)) return picture;
      const { bytes, mediaType } = picture;
      if (bytes.length > MAX_BLOB_BYTES) {
        throw fault("max_w", `this picture has ${bytes.length} bytes, and over a broker go ${MAX_BLOB_BYTES}: ask for a narrower jpg`);
      }
      const bid = randomUUID();
      await sendBlob(bid, bytes);
      return { ...picture.toJSON(), bid, type: mediaType };
    },
  };
}

function cameraChanges({ live }: GatewayContext): readonly Command[] {
  const change = (
    name: string,
    summary: string,
    parse: (input: unknown) => { readonly cam: string; readonly settings: Settings },
    run: (cam: string, settings: Settings) => Promise<void>,
  ): Command => ({
    name,
    scope: "admin",
    summary,
    parse,
    run: async (input) => {
      const { cam, settings } = input as ReturnType<typeof parse>;
      await run(cam, settings);
      return {};
    },
  });
  return [
    change(
      "cam.add",
      "Adds a camera.",
      (input) => {
        const { cam, source, record } = readFields(input, ["cam", "source", "record"]);
        const settings = {
          source: textField("source", source, MAX_SOURCE_LENGTH),
          ...(record !== undefined && { record: booleanField("record", record) }),
        };
        return { cam: cameraField(cam), settings: allowed(settings, "") };
      },
      (cam, settings) => live.addPath(cam, settings),
    ),
    change(
      "cam.set",
      "Changes settings of a camera.",
      (input) => {
        const { cam, settings } = readFields(input, ["cam", "settings"]);
        if (typeof settings !== "object" || settings === null || Array.isArray(settings))
          throw fault("settings", "has to be an object with settings of a path");
        return { cam: cameraField(cam), settings: allowed(settings as Settings, "settings.") };
      },
      (cam, settings) => live.patchPath(cam, settings),
    ),
    change(
      "cam.del",
      "Removes a camera; what was recorded of it stays.",
      (input) => ({ cam: cameraField(readFields(input, ["cam"]).cam), settings: {} }),
      (cam) => live.deletePath(cam),
    ),
  ];
}

/** Unlike the API, the NOC never sets what starts a program, whatever the config file allows the API. */
function allowed(settings: Settings, prefix: string): Settings {
  const decoded = decodeJsonSettings(settings, "path");
  if ("fault" in decoded) throw new CallerFault("invalid", prefix + decoded.fault);
  for (const [name, { value }] of decoded.path) {
    const rule = localOnlyRule(name, value, pathSchema);
    if (!mayComeFrom("desired", rule, false)) throw fault(prefix + name, "can be set in the config file alone");
    if (name === "source" && !SOURCE.test(String(value))) throw fault(prefix + name, "has to be an rtsp:// or rtsps:// URL");
  }
  return settings;
}
