// The pages of streams: where they are, who may have them, and where a request without a slash is sent.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { PageAssets } from "#http/page-assets.ts";
import type { AccessRequest } from "#relay/access.ts";
import type { TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { startWebRtcSite } from "#testing/webrtc-site.ts";
import { StreamPages } from "./pages.ts";

const NAMES = ["player.html", "publish.html", "reader.js", "publisher.js", "player.js", "publish.js", "page.css", "site.html"];

async function setUp(scope: TestScope) {
  const folder = await temporaryFolder(scope);
  for (const name of NAMES) await writeFile(join(folder, name), name);
  const asked: AccessRequest[] = [];
  let pages: StreamPages | undefined;
  const site = await startWebRtcSite({
    paths: { "site/gate": {} },
    authorize: async (request) => {
      asked.push(request);
      const isKnown = request.credentials.kind === "basic" && request.credentials.pass === "right";
      return isKnown
        ? { allowed: true, user: "u" }
        : { allowed: false, challenge: request.credentials.kind === "none", delayMs: 0, reason: "" };
    },
    webrtc: {
      servePage: async (exchange) => {
        await pages!.serve(exchange);
        return true;
      },
    },
  });
  scope.after(() => site.close());
  pages = new StreamPages({ assets: new PageAssets([folder], "player.js"), registry: site.registry });
  const get = (path: string, login = "u:right", method = "GET") => {
    const headers: Record<string, string> = login === "" ? {} : { Authorization: `Basic ${btoa(login)}` };
    return fetch(site.origin + path, { method, redirect: "manual", headers });
  };
  return { asked, get, origin: site.origin };
}

test("a stream's page plays, /publish publishes, and both ask at the door", async (t) => {
  const { get, asked } = await setUp(t);
  const player = await get("/site/gate/");
  assert.deepEqual([player.status, await player.text()], [200, "player.html"]);
  assert.deepEqual([player.headers.get("content-type"), player.headers.get("cache-control")], ["text/html; charset=utf-8", "no-cache"]);
  assert.equal(await (await get("/site/gate/publish?videoBitrate=800")).text(), "publish.html");
  assert.deepEqual(
    asked.map(({ action, path, protocol, query }) => [action, path, protocol, query]),
    [
      ["read", "site/gate", "webrtc", ""],
      ["publish", "site/gate", "webrtc", "videoBitrate=800"],
    ],
  );
});

test("without credentials a page asks for some; with wrong ones it is refused", async (t) => {
  const { get } = await setUp(t);
  const bare = await get("/site/gate/", "");
  assert.deepEqual([bare.status, bare.headers.get("www-authenticate")], [401, 'Basic realm="mediamtx"']);
  const wrong = await get("/site/gate/publish", "u:wrong");
  assert.deepEqual([wrong.status, wrong.headers.get("www-authenticate")], [401, null]);
});

test("scripts stand beside any path, for pages of anybody", async (t) => {
  const { get } = await setUp(t);
  for (const name of ["reader.js", "publisher.js", "player.js", "publish.js", "page.css"]) {
    for (const place of ["/", "/site/", "/site/gate/"]) {
      const response = await get(place + name, "");
      assert.deepEqual([response.status, await response.text()], [200, name]);
      assert.equal(response.headers.get("cache-control"), "max-age=3600");
    }
  }
});

test("a path without its slash is sent to the page, and never to somebody else's", async (t) => {
  const { get } = await setUp(t);
  const to = async (path: string) => {
    const response = await get(path, "");
    return [response.status, response.headers.get("location")];
  };
  assert.deepEqual(await to("/site/gate"), [302, "/site/gate/"]);
  assert.deepEqual(await to("/gate?muted=no&x=%20"), [302, "/gate/?muted=no&x=%20"]);
  assert.deepEqual(await to("//evil.example/x"), [302, "/evil.example/x/"]);
  assert.deepEqual(await to("/gate/site.html"), [302, "/gate/site.html/"]);
});

test("no other methods", async (t) => {
  const { get } = await setUp(t);
  assert.equal((await get("/site/gate/", "u:right", "POST")).status, 405);
  const head = await get("/site/gate/", "u:right", "HEAD");
  assert.deepEqual([head.status, await head.text(), head.headers.get("content-length")], [200, "", "11"]);
});
