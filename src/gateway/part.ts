// A part of a gateway: what can be started and stopped by itself as the config says, and what of the config it depends on.

import { type ListenAddress, parseListenAddress } from "#base/listen-address.ts";
import type { Config } from "#config/config.ts";
import { globalSchema } from "#config/schema.ts";
import type { Effect } from "#config/setting.ts";
import type { GatewayContext } from "./context.ts";

/** The settings of addresses, for the ports that were bound. */
export type Ports = Readonly<Record<string, number>>;

export interface RunningPart {
  /** By the setting of the address. */
  readonly ports?: Ports;
  /** Takes a config that differs in settings outside of the part's key. Called after paths and users have theirs. Must not throw. */
  update?(config: Config): void;
  /** Best frees its addresses at once: the next one waits for them. Resolves when nothing of it is left. */
  close(): Promise<void>;
}

export interface PartModule {
  /** Rejects, with nothing left running, when an address cannot be had. */
  start(context: GatewayContext, config: Config): Promise<RunningPart>;
}

export interface Part {
  /** As its log lines begin. */
  readonly name: string;
  /** Equal keys: a part that runs goes on as it is. Undefined: it does not run under this config. */
  key(config: Config, isRunning: boolean): string | undefined;
  /** Loaded when it is wanted: a gateway does not carry in memory what it does not serve. */
  load(): Promise<PartModule>;
  /** What the servers stand on: closed after them. */
  readonly isBelow?: true;
}

/** The key of a server: all settings that restart it, where `is` says that it is on. */
export function serverKey(effect: Effect, isOn: (global: Config["global"]) => boolean): Part["key"] {
  const names = [...globalSchema.values()].filter((entry) => entry.effect === effect || entry.effect === "servers").map(({ name }) => name);
  return ({ global }) => (isOn(global) ? JSON.stringify(names.map((name) => global[name as keyof Config["global"]])) : undefined);
}

/** An address that validation let through. */
export function addressOf(text: string): ListenAddress {
  const address = parseListenAddress(text);
  if (address === undefined) throw new Error(`'${text}' is no address to listen on`);
  return address;
}
