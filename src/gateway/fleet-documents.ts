// What the gateway tells the NOC of itself: at its birth, and with every telemetry.
import { supportUntil, version } from "#base/version.ts";
import type { HealthDocument } from "#commands/device.ts";
import type { Caller } from "#control/command.ts";
import { readImageSlot } from "#device/image-slot.ts";
import type { Inventory } from "#device/inventory.ts";
import type { CommandKeys } from "#fleet/command-keys.ts";
import { type DeviceKeys, publicText } from "#fleet/device-keys.ts";
import type { LinkCertificates } from "#fleet/link-certificates.ts";
import type { GatewayContext } from "./context.ts";

/** Asks for the gateway itself. */
const GATEWAY: Caller = { name: "the gateway", may: () => true };

export async function birthOf({ clock, startedUs, fleet, events, audit, noc }: GatewayContext): Promise<Readonly<Record<string, unknown>>> {
  const { counts } = fleet!.outbox;
  const { lastRun } = fleet!.sessions;
  const image = await readImageSlot("/");
  return {
    boot_id: clock.keeper!.bootId,
    ...(events.reset !== undefined && { reset: events.reset }),
    sw: version,
    ...(image !== undefined && { slot: image.slot }),
    ...(image?.state !== undefined && { slot_state: image.state }),
    ...(noc !== undefined && { cfg_ver: noc.config.ver, cfg_hash: noc.config.hash }),
    up_s: Math.round((clock.nowUs() - startedUs) / 1e6),
    prev_uptime_s: lastRun?.clean?.uptimeS ?? null,
    dirty: lastRun !== undefined && lastRun.clean === undefined,
    ...(audit !== undefined && { audit: audit.log.head }),
    outbox: { evt: counts[0] + counts[1], tel: counts[2] },
  };
}

export async function telemetryOf({ commands, fleet, pushes }: GatewayContext): Promise<Readonly<Record<string, unknown>>> {
  const context = { caller: GATEWAY, signal: new AbortController().signal, progress: () => {} };
  const health = (await commands!.commands.dispatch("health", {}, context)) as HealthDocument;
  const { link, outbox, timeHints } = fleet!;
  const { counts, dropped } = outbox;
  const { reconnects, roundTripMs } = link.status;
  const mq = {
    reconn: reconnects,
    outbox: counts[0] + counts[1] + counts[2],
    drop_tel: dropped[2],
    drop_evt: dropped[0] + dropped[1],
    rtt_ms: roundTripMs ?? null,
    hints: timeHints.taken,
    hints_refused: timeHints.refused,
  };
  const push = pushes?.leases.list() ?? [];
  return { ...health, mq, ...(push.length > 0 && { push }) };
}

export interface InfoSubjects {
  readonly keys: DeviceKeys;
  readonly commandKeys: Pick<CommandKeys, "signing">;
  readonly certificates: Pick<LinkCertificates, "shown">;
  readonly operations: readonly string[];
}

/** Reads what there is at the site; the machine is asked the first time alone. */
export function infoReader(
  context: GatewayContext,
  { keys, commandKeys, certificates, operations }: InfoSubjects,
): () => Promise<Readonly<Record<string, unknown>>> {
  /** By path: what a camera sent last. That it is away is no other inventory. */
  const codecs = new Map<string, string>();
  let inventory: Promise<Inventory> | undefined;
  return async () => {
    inventory ??= import("#device/inventory.ts").then(({ readInventory }) => readInventory());
    const cameras: Record<string, { readonly codec: string | null; readonly rec: boolean }> = {};
    for (const { name, tracks } of context.registry.list().map((path) => path.snapshot())) {
      const codec = tracks.find(({ kind }) => kind === "video")?.parameters.codec ?? codecs.get(name);
      if (codec !== undefined) codecs.set(name, codec);
      cameras[name] = { codec: codec ?? null, rec: context.recording?.recorders.get(name) !== undefined };
    }
    for (const name of codecs.keys()) if (cameras[name] === undefined) codecs.delete(name);
    const { shown } = certificates;
    const { securityContact } = context.config.global;
    return {
      sw: version,
      support_until: supportUntil,
      ...(securityContact !== "" && { security_contact: securityContact }),
      ...(await inventory),
      keys: { identity: publicText(keys.identity), sealing: publicText(keys.sealing), signers: [...commandKeys.signing.keys()] },
      ...(shown !== undefined && { cert: { serial: shown.serialNumber, not_after: Date.parse(shown.validTo) } }),
      ops: [...operations].sort(),
      cams: cameras,
      jobs: context.noc?.jobs ?? [],
    };
  };
}
