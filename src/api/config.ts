// /v3/config: the config that runs, read and changed in MediaMTX's words. A change is in force when it is answered.
import type { LiveConfig } from "#config/live-config.ts";
import { NotKeptFault } from "#config/live-config.ts";
import { globalJson, pathDefaultsJson, pathJson } from "#config/settings-json.ts";
import { HttpFault } from "#http/http-fault.ts";
import { pageOf, parsePage } from "#http/page.ts";
import { type ApiRequest, OK, type Route } from "./route.ts";

export interface ConfigOptions {
  readonly config: Pick<
    LiveConfig,
    "config" | "entry" | "patchGlobal" | "patchPathDefaults" | "addPath" | "patchPath" | "replacePath" | "deletePath" | "reload"
  >;
}

export function configRoutes({ config: live }: ConfigOptions): readonly Route[] {
  const patchPath = async (request: ApiRequest, body: unknown): Promise<typeof OK> => done(live.patchPath(nameIn(request), body));
  return [
    { method: "GET", template: "/v3/config/global/get", answer: () => globalJson(live.config) },
    { method: "PATCH", template: "/v3/config/global/patch", answer: async (request) => done(live.patchGlobal(await bodyOf(request))) },
    { method: "GET", template: "/v3/config/pathdefaults/get", answer: () => pathDefaultsJson(live.config) },
    {
      method: "PATCH",
      template: "/v3/config/pathdefaults/patch",
      answer: async (request) => done(live.patchPathDefaults(await bodyOf(request))),
    },
    {
      method: "GET",
      template: "/v3/config/paths/list",
      answer: ({ query }) => {
        const byName = [...live.config.paths].sort((a, b) => (a.name < b.name ? -1 : 1));
        const page = pageOf(byName, parsePage(query));
        return { ...page, items: page.items.map((entry) => pathJson(entry, live.config)) };
      },
    },
    {
      method: "GET",
      template: "/v3/config/paths/get/{name}",
      answer: (request) => {
        const entry = live.entry(nameIn(request));
        if (entry === undefined) throw new HttpFault(404, "path configuration not found");
        return pathJson(entry, live.config);
      },
    },
    {
      method: "POST",
      template: "/v3/config/paths/add/{name}",
      answer: async (request) => done(live.addPath(nameIn(request), await bodyOf(request))),
    },
    { method: "PATCH", template: "/v3/config/paths/patch/{name}", answer: async (request) => patchPath(request, await bodyOf(request)) },
    // As older servers had it; nothing in the body changes nothing.
    {
      method: "POST",
      template: "/v3/config/paths/patch/{name}",
      answer: async (request) => patchPath(request, (await request.body()) ?? {}),
    },
    {
      method: "POST",
      template: "/v3/config/paths/replace/{name}",
      answer: async (request) => done(live.replacePath(nameIn(request), await bodyOf(request))),
    },
    { method: "DELETE", template: "/v3/config/paths/delete/{name}", answer: async (request) => done(live.deletePath(nameIn(request))) },
    { method: "POST", template: "/v3/config/reload", answer: async () => done(live.reload()) },
  ];
}

function nameIn({ parameter: name }: ApiRequest): string {
  if (name === "") throw new HttpFault(400, "invalid name");
  return name;
}

async function bodyOf({ body }: ApiRequest): Promise<unknown> {
  const value = await body();
  if (value === undefined) throw new HttpFault(400, "the body is empty: a JSON object with settings is needed");
  return value;
}

async function done(change: Promise<void>): Promise<typeof OK> {
  try {
    await change;
  } catch (error) {
    throw error instanceof NotKeptFault ? new HttpFault(500, error.message) : error;
  }
  return OK;
}
