// docs/openapi-playback.yaml against the code: parameters with their values and defaults, statuses, bodies, and where credentials may stand.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { parse } from "yaml";
import { OpenApiDocument } from "#testing/openapi.ts";
import { type PlaybackSite, startPlaybackSite } from "#testing/playback-site.ts";
import { gateRun, NOON_US } from "#testing/recorded-clip.ts";
import { parseGetQuery, parseListQuery } from "./playback-query.ts";

interface Parameter {
  readonly $ref?: string;
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: { readonly enum?: readonly string[]; readonly default?: unknown };
}

interface Operation {
  readonly parameters: readonly Parameter[];
  readonly responses: Readonly<Record<string, unknown>>;
}

interface Document {
  readonly paths: Readonly<Record<string, { readonly get: Operation }>>;
  readonly security: readonly Readonly<Record<string, unknown>>[];
  readonly components: {
    readonly parameters: Readonly<Record<string, Parameter>>;
    readonly securitySchemes: Readonly<Record<string, { readonly type: string; readonly in?: string; readonly name?: string }>>;
  };
}

const FILE = new URL("../../../docs/openapi-playback.yaml", import.meta.url);
const text: Document = parse(readFileSync(FILE, "utf8"));
const openApi = new OpenApiDocument(FILE);
const NOON = new Date(NOON_US / 1000).toISOString();

const QUERIES = {
  "/list": { parse: parseListQuery, least: {} },
  "/get": { parse: parseGetQuery, least: { start: NOON, duration: "2" } },
} as const;

function parametersOf(path: string): readonly Parameter[] {
  const named = text.paths[path]!.get.parameters;
  return named.map((one) => (one.$ref === undefined ? one : text.components.parameters[one.$ref.split("/").at(-1)!]!));
}

/** Notes what it is asked for. */
class WatchedQuery extends URLSearchParams {
  readonly asked = new Set<string>();

  override get(name: string): string | null {
    this.asked.add(name);
    return super.get(name);
  }
}

for (const [path, { parse: parseQuery, least }] of Object.entries(QUERIES)) {
  test(`${path}: the parameters are those that are read, with their values and defaults`, () => {
    const parameters = parametersOf(path).filter(({ name }) => name !== "path"); // the server's
    const watched = new WatchedQuery(least);
    const plain = parseQuery(watched);
    assert.deepEqual(parameters.map(({ name }) => name).sort(), [...watched.asked].sort());
    for (const { name, required = false, schema } of parameters) {
      assert.equal(required, Object.hasOwn(least, name), `${name} is required`);
      const values = schema.enum ?? [];
      const parsed = values.map((value) => JSON.stringify(parseQuery(new URLSearchParams({ ...least, [name]: value }))));
      assert.equal(new Set(parsed).size, values.length, `each value of ${name} has its own meaning`);
      if (values.length === 0) continue;
      assert.equal(parsed[values.indexOf(String(schema.default))], JSON.stringify(plain), `the default of ${name}`);
      assert.throws(() => parseQuery(new URLSearchParams({ ...least, [name]: "else" })), { field: name });
    }
  });
}

test("/list: the limits and defaults of pages", () => {
  const schemaOf = (name: string) => parametersOf("/list").find((one) => one.name === name)!.schema as Readonly<Record<string, number>>;
  for (const name of ["page", "itemsPerPage"]) {
    const { minimum = 0, maximum = 0 } = schemaOf(name);
    for (const value of [minimum, maximum]) parseListQuery(new URLSearchParams({ [name]: String(value) }));
    for (const value of [minimum - 1, maximum + 1]) {
      assert.throws(() => parseListQuery(new URLSearchParams({ [name]: String(value) })), { field: name });
    }
  }
  assert.deepEqual(parseListQuery(new URLSearchParams({ page: "3" })).page, { number: 3, size: schemaOf("itemsPerPage")["default"] });
  assert.deepEqual(parseListQuery(new URLSearchParams({ itemsPerPage: "7" })).page, { number: schemaOf("page")["default"], size: 7 });
});

/** `cam` has footage, `empty` none, `broken` cannot be read, and `secret` is for nobody. */
async function startSite(t: TestContext): Promise<PlaybackSite> {
  const site: PlaybackSite = await startPlaybackSite(t, {
    runs: { cam: [gateRun({ startUtcUs: NOON_US, frames: [0, 100], timeErrorMs: 2.5 })] },
    indexOf: (path) => {
      if (path === "broken") throw new Error("no such luck");
      return path === "cam" || path === "empty" ? site.index : undefined;
    },
    authorize: async ({ path }) =>
      path === "secret" ? { allowed: false, challenge: true, delayMs: 0, reason: "no" } : { allowed: true, user: "" },
  });
  return site;
}

test("every status that is described is met, no other, and its body is as described", async (t) => {
  const site = await startSite(t);
  const clip = `start=${NOON}&duration=2`;
  const mp4 = `/get?path=cam&${clip}&format=mp4`;
  const etag = (await fetch(site.origin + mp4)).headers.get("etag")!;
  const requests: readonly (readonly [target: string, headers?: Readonly<Record<string, string>>])[] = [
    ["/list?path=cam"],
    ["/list?path=cam&page=0"],
    ["/list?path=!"],
    ["/list?path=secret"],
    ["/list?path=empty"],
    ["/list?path=broken"],
    [`/get?path=cam&${clip}`],
    [mp4, { Range: "bytes=0-9" }],
    [mp4, { "If-None-Match": etag }],
    ["/get?path=cam"],
    [`/get?path=secret&${clip}`],
    [`/get?path=empty&${clip}`],
    [mp4, { Range: "bytes=999999999-" }],
    [`/get?path=broken&${clip}`],
  ];
  const met = new Map<string, Set<string>>([...Object.keys(text.paths)].map((path) => [path, new Set()]));
  for (const [target, headers = {}] of requests) {
    const response = await fetch(site.origin + target, { headers });
    const path = target.slice(0, target.indexOf("?"));
    met.get(path)!.add(String(response.status));
    const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
    const body = isJson ? await response.json() : await response.arrayBuffer();
    if (isJson) assert.deepEqual(openApi.faultsOf({ method: "GET", path, status: response.status, body }), [], target);
    else assert.equal(response.headers.get("content-type"), "video/mp4", target);
  }
  for (const [path, statuses] of met) assert.deepEqual([...statuses].sort(), Object.keys(text.paths[path]!.get.responses).sort(), path);
  assert.equal((await fetch(`${site.origin}/other`)).status, 404, "no path but those");
});

test("credentials of every kind that is described arrive", async (t) => {
  const site = await startSite(t);
  const { securitySchemes } = text.components;
  for (const kinds of text.security) {
    const query = new URLSearchParams({ path: "cam" });
    const headers: Record<string, string> = {};
    for (const kind of Object.keys(kinds)) {
      const { type, in: place, name } = securitySchemes[kind]!;
      if (type === "http") headers["Authorization"] = kind === "basic" ? `Basic ${btoa("queryUser:queryPass")}` : "Bearer bearer";
      else if (place === "query") query.set(name!, kind);
    }
    await fetch(`${site.origin}/list?${query}`, { headers });
    const { credentials } = site.asked.at(-1)!;
    const [first] = Object.keys(kinds);
    if (first === undefined) assert.deepEqual(credentials, { kind: "none" });
    else if (first === "basic" || first === "queryUser")
      assert.deepEqual(credentials, { kind: "basic", user: "queryUser", pass: "queryPass" });
    else assert.deepEqual(credentials, { kind: "token", token: first });
  }
});
