// The playback server, as a part of the gateway.
import type { Config } from "#config/config.ts";
import { pathNameFault } from "#config/path-name.ts";
import { PlaybackServer } from "#record/playback/playback-server.ts";
import type { GatewayContext } from "./context.ts";
import { httpListenerOf, openedText } from "./listeners.ts";
import type { RunningPart } from "./part.ts";

export async function start(context: GatewayContext, { global }: Config): Promise<RunningPart> {
  const log = context.log.child("playback");
  const server = await PlaybackServer.listen({
    ...httpListenerOf(context, global, "playback", log),
    pathNameFault,
    authorize: context.authenticator.authorize,
    indexOf: (path) => context.recording?.indexOf(path),
  });
  log.info(openedText(global, "playback"));
  return {
    ports: { playbackAddress: server.port },
    update: () => server.revoke(context.authenticator.revalidate),
    close: () => server.close(),
  };
}
