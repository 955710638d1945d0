// Uploads over real TLS on loopback: cut connections, redirects, servers that refuse early, that stay silent, that nobody vouches for.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { createSecureContext } from "node:tls";
import { makeSelfSigned, type SelfSigned } from "#testing/self-signed.ts";
import { TcpFaultProxy } from "#testing/tcp-fault-proxy.ts";
import { openDestination } from "./destination-put.ts";
import { putResumably } from "./resumable-put.ts";
import { parseUploadRange, writeHeldBytes } from "./upload-headers.ts";

const FILE = Buffer.alloc(6_000_000, "0123456789abcdef!");
const SHA256 = createHash("sha256").update(FILE).digest("hex");
const authority = makeSelfSigned({ name: "authority", isAuthority: true });

async function serve(
  t: TestContext,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  pair: SelfSigned = makeSelfSigned({ name: "server", issuer: authority }),
): Promise<number> {
  const server = createServer({ key: pair.key, cert: pair.cert }, handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

interface Wish {
  readonly url: string;
  readonly partBytes?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly silenceMs?: number;
  readonly allowed?: readonly string[];
  readonly signal?: AbortSignal;
  readonly onSent?: (bytes: number) => void;
}

async function send({ url, partBytes, headers = {}, silenceMs, allowed = ["127.0.0.1"], signal, onSent }: Wish): Promise<unknown> {
  const destination = openDestination({
    url,
    headers,
    allowed: () => allowed,
    secureContext: createSecureContext({ ca: authority.cert }),
    ...(silenceMs !== undefined && { silenceMs }),
  });
  try {
    return await putResumably(
      {
        send: destination.send,
        partBytes,
        file: {
          sizeBytes: FILE.length,
          sha256: SHA256,
          bytes: async function* (start, end) {
            for (let at = start; at < end; at += 50_000) yield FILE.subarray(at, Math.min(end, at + 50_000));
          },
        },
        onProgress: (bytes) => onSent?.(bytes),
        nowMs: () => performance.now(),
        utcMs: () => Date.now(),
        sleep: async () => {},
        random: () => 0,
      },
      signal ?? new AbortController().signal,
    ).then(() => "sent");
  } catch (error) {
    return error;
  } finally {
    destination.close();
  }
}

test("connections that are cut in the middle of a part: what the server has is not sent again", async (t) => {
  let held = Buffer.alloc(0);
  let receivedBytes = 0;
  let turns = 0;
  const port = await serve(t, (request, response) => {
    const { part, sizeBytes } = parseUploadRange(request.headers["content-range"]!)!;
    const turn = ++turns; // what is left of a connection that was cut does not count
    const answer = (): void => {
      const range = writeHeldBytes(held.length);
      response.writeHead(held.length === sizeBytes ? 201 : 308, range === undefined ? {} : { range }).end();
    };
    if (part !== undefined && part.start !== held.length) return void response.writeHead(416).end();
    request.on("data", (chunk: Buffer) => {
      if (turn !== turns) return;
      held = Buffer.concat([held, chunk]);
      receivedBytes += chunk.length;
    });
    request.on("end", answer).on("error", () => {});
  });
  const proxy = await TcpFaultProxy.listen({ target: { host: "127.0.0.1", port } });
  t.after(() => proxy.close());
  let cuts = 0;
  const onSent = (bytes: number): void => {
    if (bytes < 1_500_000 * (cuts + 1) || cuts === 3) return;
    cuts++;
    proxy.drop();
  };
  assert.equal(await send({ url: `https://127.0.0.1:${proxy.port}/clip`, partBytes: 2 ** 20, onSent }), "sent");
  assert.equal(cuts, 3);
  assert.ok(held.equals(FILE));
  assert.equal(receivedBytes, FILE.length);
  assert.ok(proxy.accepted <= 4, "one connection for many parts");
});

test("headers go along; to another host by a redirect, those that say who we are do not", async (t) => {
  const seen: [string, string | undefined, string | undefined, number][] = [];
  const take = (name: string) => (request: IncomingMessage, response: ServerResponse) => {
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
    });
    request.on("end", () => {
      seen.push([name, request.headers.authorization, request.headers["content-type"], size]);
      response.writeHead(200).end();
    });
  };
  const second = await serve(t, take("second"));
  const first = await serve(t, (_, response) => {
    response.writeHead(307, { location: `https://127.0.0.1:${second}/elsewhere?a=b`, connection: "close" }).end();
  });
  const headers = { Authorization: "Bearer secret", "Content-Type": "video/mp4" };
  assert.equal(await send({ url: `https://127.0.0.1:${first}/clip`, headers }), "sent");
  assert.equal(await send({ url: `https://127.0.0.1:${second}/clip`, headers }), "sent");
  assert.deepEqual(seen, [
    ["second", undefined, "video/mp4", FILE.length],
    ["second", "Bearer secret", "video/mp4", FILE.length],
  ]);
});

test("no host but those that are named, none inside, also where a redirect leads", async (t) => {
  let asked = 0;
  const inner = await serve(t, (_, response) => {
    asked++;
    response.writeHead(200).end();
  });
  for (const [url, allowed] of [
    [`https://127.0.0.1:${inner}/`, ["noc.example"]],
    [`https://localhost:${inner}/`, ["localhost"]],
    [`https://2130706433:${inner}/`, ["noc.example"]],
    [`https://[::ffff:127.0.0.1]:${inner}/`, ["noc.example"]],
    ["https://169.254.169.254/latest", ["noc.example"]],
  ] as const) {
    const fault = (await send({ url, allowed })) as { readonly code: string; readonly message: string };
    assert.equal(fault.code, "unauthorized", url);
    assert.match(fault.message, /^dest\.put: .*destinationHosts/);
  }
  const targets = [
    `https://localhost:${inner}/`,
    `http://127.0.0.1:${inner}/`,
    "file:///etc/passwd",
    `https://a:b@127.0.0.1:${inner}/`,
    "https://169.254.169.254/",
  ];
  for (const location of targets) {
    const port = await serve(t, (_, response) => void response.writeHead(307, { location, connection: "close" }).end());
    assert.equal(((await send({ url: `https://127.0.0.1:${port}/` })) as { readonly code: string }).code, "unauthorized", location);
  }
  assert.equal(asked, 0);
  const circle: number = await serve(t, (_, response) => void response.writeHead(307, { location: "/again", connection: "close" }).end());
  assert.match(String(await send({ url: `https://127.0.0.1:${circle}/` })), /more than 5 redirects/);
});

test("a server that nobody vouches for, or under another name, gets nothing", async (t) => {
  let asked = 0;
  const count = (_: IncomingMessage, response: ServerResponse): void => {
    asked++;
    response.writeHead(200).end();
  };
  for (const pair of [makeSelfSigned(), makeSelfSigned({ issuer: authority, hosts: ["other.example"] })]) {
    const port = await serve(t, count, pair);
    const fault = (await send({ url: `https://127.0.0.1:${port}/` })) as { readonly code: string };
    assert.equal(fault.code, "config", String(fault));
  }
  assert.equal(asked, 0);
});

test("a server that refuses before it was sent anything is heard; one that stays silent is left; an abort ends it", async (t) => {
  const refusing = await serve(t, (_, response) => void response.writeHead(403, { connection: "close" }).end("no token"));
  let sentBytes = 0;
  const onSent = (bytes: number): void => {
    sentBytes = Math.max(sentBytes, bytes);
  };
  const refusal = (await send({ url: `https://127.0.0.1:${refusing}/`, onSent })) as { readonly message: string };
  assert.match(refusal.message, /refuses the upload \(403\): no token/);
  assert.ok(sentBytes < FILE.length);
  const silent = await serve(t, (request) => void request.resume());
  const left = (await send({ url: `https://127.0.0.1:${silent}/`, silenceMs: 50 })) as { readonly code: string };
  assert.equal(left.code, "timeout");
  const abort = new AbortController();
  const stalled = await serve(t, () => abort.abort(new Error("cancelled")));
  assert.match(String(await send({ url: `https://127.0.0.1:${stalled}/`, signal: abort.signal })), /cancelled/);
});
