// Hooks, as a part of the gateway. Their end is the gateway's: what closes before them are events, too.
import { HookRunner } from "#hooks/hook-runner.ts";
import type { GatewayContext } from "./context.ts";
import { addressOf, type RunningPart } from "./part.ts";

export async function start(context: GatewayContext): Promise<RunningPart> {
  const { registry, sessions, pathConfs, log } = context;
  const hooks = new HookRunner({
    registry,
    sessions,
    settingsOf: (path) => pathConfs.settingsOf(path.conf),
    connections: () => context.config.global,
    rtspPort: () => addressOf(context.config.global.rtspAddress).port,
    log,
  });
  context.hooks = hooks;
  return { update: () => hooks.refresh(), close: async () => {} };
}
