// What the site page asks for: all that a visitor may see of the site in one answer.
import type { CommandTable } from "#control/command.ts";
import type { Route } from "../route.ts";
import type { Visitor } from "./site-access.ts";

export interface SiteRoutesOptions {
  readonly commands: Pick<CommandTable, "dispatch">;
}

/** The answers of commands that we ask in our own name: the visitor gets the part of them that he may see. */
const OURSELVES = { name: "the site page", may: () => true } as const;

export function siteRoutes({ commands }: SiteRoutesOptions): readonly Route[] {
  const ask = async <T>(name: string, signal: AbortSignal): Promise<T> =>
    (await commands.dispatch(name, undefined, { caller: OURSELVES, signal, progress: () => {} })) as T;
  return [
    {
      method: "GET",
      template: "/camgate/v1/site",
      answer: async ({ caller, signal }) => {
        const visitor = caller as Visitor;
        const { cams: cameras } = await ask<{ readonly cams: Readonly<Record<string, object>> }>("cam.state", signal);
        const { cams: recorders } = await ask<{ readonly cams: Readonly<Record<string, object>> }>("rec.state", signal);
        const isAdmin = await visitor.may("admin", undefined, "live");
        return {
          user: visitor.user,
          admin: isAdmin,
          cameras: await visible(cameras, (name) => visitor.may("read", name, "live")),
          recorders: await visible(recorders, (name) => visitor.may("read", name, "recordings")),
          ...(isAdmin && { gateway: await gatewayOf(ask, signal) }),
        };
      },
    },
  ];
}

async function gatewayOf(ask: <T>(name: string, signal: AbortSignal) => Promise<T>, signal: AbortSignal) {
  const { sys, disk, clk } = await ask<{ readonly sys: object; readonly disk: object; readonly clk: object }>("health", signal);
  return { sys, disk, clk };
}

async function visible(all: Readonly<Record<string, object>>, may: (name: string) => boolean | Promise<boolean>): Promise<object> {
  const entries = Object.entries(all);
  const seen = await Promise.all(entries.map(([name]) => may(name)));
  return Object.fromEntries(entries.filter((_, i) => seen[i]));
}
