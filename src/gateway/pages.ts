// What the WebRTC server's port shows to browsers beside its signalling: the page of the site, those of streams, and the scripts that pages of others use.
import { SiteHandler } from "#api/site/site-handler.ts";
import { pathNameFault } from "#config/path-name.ts";
import type { HttpExchange } from "#http/server.ts";
import type { WebSessions } from "#http/web-sessions.ts";
import { StreamPages } from "#protocols/webrtc/pages.ts";
import { PlaybackHandler } from "#record/playback/playback-server.ts";
import { pageAssets } from "./assets.ts";
import type { GatewayContext } from "./context.ts";
import { browserGuardOf } from "./listeners.ts";
import { securityTextOf } from "./security-text.ts";

/** Of what the site page sends. */
const MAX_BODY_BYTES = 64 * 1024;

export interface Pages {
  serve(exchange: HttpExchange): Promise<boolean>;
  /** Breaks off what was granted to those who may not have it any more. */
  revoke(): void;
}

export function pagesOf(context: GatewayContext, webSessions: WebSessions): Pages {
  const { registry, authenticator, clock, live, log } = context;
  const assets = pageAssets();
  const streams = new StreamPages({ assets, registry });
  const playback = new PlaybackHandler({
    log: log.child("playback"),
    pathNameFault,
    authorize: authenticator.authorize,
    indexOf: (path) => context.recording?.indexOf(path),
  });
  const siteOptions = {
    assets,
    webSessions,
    playback,
    config: live,
    browserGuard: browserGuardOf(context, "webrtc"),
    bodyLimits: { maxBytes: MAX_BODY_BYTES, isTyped: true },
    authorize: authenticator.authorize,
    cameras: () => registry.list().map(({ name }) => name),
    nowMs: () => clock.nowUs() / 1000,
    securityText: () => securityTextOf(context),
    onChange: (who: string, op: string) => context.audit?.note({ who, op }),
  };
  /** Made at the first request: commands are started later than this server. */
  let site: SiteHandler | undefined;
  return {
    async serve(exchange) {
      site ??= new SiteHandler({ ...siteOptions, camgate: context.commands! });
      if (await site.serve(exchange)) return true;
      await streams.serve(exchange);
      return true;
    },
    revoke: () => playback.revoke(authenticator.revalidate),
  };
}
