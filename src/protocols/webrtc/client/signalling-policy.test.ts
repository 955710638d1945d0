// Where a WHIP server may lead a client that was told where it may go: nowhere else, not for a question, an offer or a farewell.
import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { makeSelfSigned } from "#testing/self-signed.ts";
import { Signalling, type SignallingPolicy } from "./signalling.ts";

const authority = makeSelfSigned({ name: "authority", isAuthority: true });
const pair = makeSelfSigned({ issuer: authority });
const ONLY_LOOPBACK: SignallingPolicy = {
  hostFault: (host) => (host === "127.0.0.1" || host === "localhost" ? undefined : `${host} is not allowed`),
  addressFault: () => undefined,
};
const NEVER = new AbortController().signal;

/** Answers POST with this status and Location; every request is noted. */
async function whipServer(t: TestContext, status: number, location: () => string) {
  const seen: string[] = [];
  const server = createServer({ key: pair.key, cert: pair.cert }, (request, response) => {
    seen.push(`${request.method} ${request.url}`);
    const headers = { Location: location(), "Content-Type": "application/sdp" };
    response.writeHead(request.method === "POST" ? status : 204, headers).end(request.method === "POST" ? "v=0" : undefined);
  });
  const port = await listen(t, server);
  return { seen, url: `https://127.0.0.1:${port}/cam/whip`, named: `https://localhost:${port}/cam/whip` };
}

function listen(t: TestContext, server: Pick<Server, "listen" | "close" | "address" | "closeAllConnections">): Promise<number> {
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
}

function signalling(url: string, policy: SignallingPolicy = ONLY_LOOPBACK, authorities = [authority.cert.toString()]): Signalling {
  return new Signalling({
    target: { url, basic: undefined },
    bearerToken: "secret",
    fingerprint: "",
    authorities,
    policy,
    timeoutMs: 20_000,
  });
}

test("a server that an authority of ours vouches for; without it nothing is sent", async (t) => {
  const server = await whipServer(t, 201, () => "/session/1");
  const known = signalling(server.url);
  assert.equal(await known.post("offer", NEVER), "v=0");
  await known.end();
  assert.deepEqual(server.seen, ["POST /cam/whip", "DELETE /session/1"]);
  await assert.rejects(signalling(server.url, ONLY_LOOPBACK, []).post("offer", NEVER), /no authority vouches/);
  assert.equal(server.seen.length, 2);
});

test("a redirect is followed to hosts that are allowed, over TLS, and to no others", async (t) => {
  const there = await whipServer(t, 201, () => "/session/2");
  assert.equal(await signalling((await whipServer(t, 307, () => there.url)).url).post("offer", NEVER), "v=0");
  const plain: string[] = [];
  const plainPort = await listen(
    t,
    createHttpServer((request, response) => {
      plain.push(String(request.method));
      response.end();
    }) as unknown as Server,
  );
  for (const location of ["https://192.0.2.1/x", "https://[::1]/x", `http://127.0.0.1:${plainPort}/x`]) {
    const server = await whipServer(t, 307, () => location);
    await assert.rejects(signalling(server.url).post("offer", NEVER), { code: "config" }, location);
  }
  assert.deepEqual(plain, []);
});

test("a session that lies elsewhere is not even told good-bye", async (t) => {
  const plain: string[] = [];
  const plainPort = await listen(
    t,
    createHttpServer((request, response) => {
      plain.push(String(request.method));
      response.end();
    }) as unknown as Server,
  );
  const server = await whipServer(t, 201, () => `http://127.0.0.1:${plainPort}/session`);
  const session = signalling(server.url);
  await session.post("offer", NEVER);
  await session.end();
  assert.deepEqual([server.seen, plain], [["POST /cam/whip"], []]);
});

test("what a name stands for is judged before anything is sent", async (t) => {
  const server = await whipServer(t, 201, () => "/session/1");
  const policy = { ...ONLY_LOOPBACK, addressFault: (address: string) => (address === "127.0.0.1" ? "no loopback" : undefined) };
  for (const url of [server.url, server.named]) await assert.rejects(signalling(url, policy).post("offer", NEVER), /no loopback/, url);
  await assert.rejects(signalling("http://127.0.0.1/x").iceServers(NEVER), { code: "config" });
  assert.deepEqual(server.seen, []);
});
