import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { after, describe, it } from "node:test";
import { type HttpService, startHttpService } from "#testing/http-service.ts";
import { askService, type ServiceRequest } from "./service-request.ts";

const tls = {
  key: readFileSync(new URL("testdata/service-key.pem", import.meta.url)),
  cert: readFileSync(new URL("testdata/service-cert.pem", import.meta.url)),
};
const fingerprint = new X509Certificate(tls.cert).fingerprint256;

const services: HttpService[] = [];
after(() => Promise.all(services.map((service) => service.close())));

async function service(...options: Parameters<typeof startHttpService>): Promise<HttpService> {
  const started = await startHttpService(...options);
  services.push(started);
  return started;
}

function ask(url: string, more: Partial<ServiceRequest> = {}) {
  return askService({ url, fingerprint: "", timeoutMs: 10_000, maxBytes: () => 100, signal: new AbortController().signal, ...more });
}

describe("askService", () => {
  it("gets, and posts JSON, with the credentials of the URL", async () => {
    const { url, calls } = await service((call, response) => response.writeHead(call.method === "GET" ? 200 : 403).end("said"));
    const { host } = new URL(url);
    assert.deepEqual(await ask(`${url}/a?b=c`), { status: 200, body: Buffer.from("said"), cut: false });
    assert.equal((await ask(`http://u:p%40ss@${host}/x`, { body: '{"ä":1}' })).status, 403);
    assert.deepEqual([calls[0]!.method, calls[0]!.path, calls[0]!.headers.host], ["GET", "/a?b=c", host]);
    const [, post] = calls;
    assert.deepEqual([post!.method, post!.body, post!.headers["content-type"]], ["POST", '{"ä":1}', "application/json"]);
    assert.equal(post!.headers.authorization, `Basic ${Buffer.from("u:p@ss").toString("base64")}`);
  });

  it("does not follow redirects", async () => {
    const { url, calls } = await service((_, response) => response.writeHead(301, { Location: "/other" }).end());
    assert.equal((await ask(url)).status, 301);
    assert.equal(calls.length, 1);
  });

  it("reads no more than it was told to, even of an answer without end", async () => {
    const { url } = await service((_, response) => {
      const more = (): void => void (!response.destroyed && response.write("x".repeat(4096), () => setImmediate(more)));
      more();
    });
    const { body, cut } = await ask(url);
    assert.deepEqual([body.length, cut], [100, true]);
    assert.deepEqual(await ask(url, { maxBytes: () => 0 }), { status: 200, body: Buffer.alloc(0), cut: true });
  });

  it("gives up after the timeout: silence, and an answer that drips", async () => {
    const silent = await service(() => {});
    await assert.rejects(ask(silent.url, { timeoutMs: 20 }), { message: "no answer within 0.02 s" });
    const dripping = await service((_, response) => response.writeHead(200).write("x"));
    await assert.rejects(ask(dripping.url, { timeoutMs: 20 }), { message: "no answer within 0.02 s" });
  });

  it("gives up when it is told to", async () => {
    const { url, received } = await service(() => {});
    const stop = new AbortController();
    const asked = ask(url, { signal: stop.signal });
    await received(1);
    stop.abort();
    await assert.rejects(asked);
    await assert.rejects(ask(url, { signal: stop.signal }));
  });

  it("says why there is no answer", async () => {
    const gone = await startHttpService(() => {});
    await gone.close();
    await assert.rejects(ask(gone.url), /ECONNREFUSED/);
    await assert.rejects(ask("no url"));
    const rude = createServer((socket: Socket) => socket.on("error", () => {}).end("nonsense\r\n\r\n"));
    await new Promise<void>((resolve) => rude.listen(0, "127.0.0.1", resolve));
    try {
      await assert.rejects(ask(`http://127.0.0.1:${(rude.address() as { port: number }).port}/`), /Parse Error/);
    } finally {
      rude.close();
    }
  });
});

describe("askService over TLS", () => {
  it("believes no certificate that nobody vouches for", async () => {
    const { url, calls } = await service((_, response) => response.end("x"), tls);
    await assert.rejects(ask(url, { body: "canary" }), /no authority vouches for its certificate .*fingerprint is [0-9a-f]{64}/);
    assert.equal(calls.length, 0);
  });

  it("believes the one that is pinned, written in either way", async () => {
    const { url, calls } = await service((_, response) => response.end("x"), tls);
    for (const written of [fingerprint, fingerprint.replaceAll(":", "").toLowerCase()])
      assert.equal((await ask(url, { fingerprint: written, body: "canary" })).status, 200);
    assert.deepEqual(
      calls.map(({ body }) => body),
      ["canary", "canary"],
    );
  });

  it("another certificate than the pinned one gets to read nothing", async () => {
    const { url, calls } = await service((_, response) => response.end("x"), tls);
    await assert.rejects(ask(url, { fingerprint: "ab".repeat(32), body: "canary" }), /not the one in the config/);
    assert.equal(calls.length, 0);
  });

  it("gives up on a server that does not shake hands", async () => {
    const sockets: Socket[] = [];
    const mute = createServer((socket) => sockets.push(socket.on("error", () => {})));
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const { port } = mute.address() as { port: number };
    await assert.rejects(ask(`https://127.0.0.1:${port}/`, { fingerprint, timeoutMs: 30 }), { message: "no answer within 0.03 s" });
    for (const socket of sockets) socket.destroy();
    mute.close();
  });
});
