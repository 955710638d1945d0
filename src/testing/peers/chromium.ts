// Chromium without a window: opens a page of ours, whose script says how it went.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { deferred } from "#base/deferred.ts";
import { findPeer } from "./find-peer.ts";
import { type RunningPeer, startPeer, type TestScope } from "./run-peer.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export const chromium = findPeer("chromium");

export interface TestPage {
  /** An async function's body. What it returns goes back to the test as JSON; what it throws fails the test. */
  readonly script: string;
  /** What the page may fetch, by path, e.g. `/clip.mp4`. Parts of a file may be asked for. */
  readonly files?: ReadonlyMap<string, { readonly type: string; readonly bytes: Buffer }>;
}

const TIMEOUT_MS = 60_000;

function htmlOf(script: string): string {
  return `<!doctype html><meta charset="utf-8"><title>test</title><script type="module">
const run = async () => {
${script}
};
const report = (outcome) => fetch("/outcome", { method: "POST", body: JSON.stringify(outcome) });
run().then((result) => report({ result }), (error) => report({ error: String(error?.stack ?? error) }));
</script>`;
}

/** Opens a page of ours, until the test ends. */
export async function openInChromium(scope: TestScope, url: string): Promise<RunningPeer> {
  const profile = join(await temporaryFolder(scope), "profile");
  // Its sandbox refuses to run as root, as tests in containers do; it opens nothing but our page.
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--mute-audio"];
  const calm = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"];
  const page = [`--user-data-dir=${profile}`, "--autoplay-policy=no-user-gesture-required"];
  return startPeer(scope, chromium, [...flags, ...calm, ...page, url], { timeoutMs: TIMEOUT_MS });
}

/** Opens the page, waits for its script and ends Chromium again. */
export async function runInChromium<T>(scope: TestScope, { script, files = new Map() }: TestPage): Promise<T> {
  const reported = deferred<{ readonly result?: T; readonly error?: string }>();
  const server = createServer((request, response) => {
    const file = files.get(request.url ?? "");
    if (request.method === "POST" && request.url === "/outcome") {
      response.end();
      buffer(request).then((body) => reported.resolve(JSON.parse(body.toString("utf8"))), reported.reject);
    } else if (request.url === "/") {
      response.writeHead(200, { "content-type": "text/html" }).end(htmlOf(script));
    } else if (file !== undefined) {
      const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
      const [start, end] = [Number(from ?? 0), to ? Number(to) + 1 : file.bytes.length];
      const range = from === undefined ? {} : { "content-range": `bytes ${start}-${end - 1}/${file.bytes.length}` };
      const headers = { "content-type": file.type, "accept-ranges": "bytes", ...range };
      response.writeHead(from === undefined ? 200 : 206, headers).end(file.bytes.subarray(start, end));
    } else {
      response.writeHead(404).end();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  const browser = await openInChromium(scope, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const ended = browser.exited.then(() => ({ result: undefined, error: `Chromium ended before the page was done\n${browser.stderr}` }));
  const { result, error } = await Promise.race([reported.promise, ended]);
  await browser.interrupt();
  if (error !== undefined) throw new Error(error);
  return result as T;
}
