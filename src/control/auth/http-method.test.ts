import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { type HttpService, startHttpService } from "#testing/http-service.ts";
import type { AuthRequest } from "./access-question.ts";
import { HttpMethod } from "./http-method.ts";
import { Permissions } from "./permissions.ts";

const services: HttpService[] = [];
after(() => Promise.all(services.map((service) => service.close())));

function request(more: Partial<AuthRequest> = {}): AuthRequest {
  return {
    action: "read",
    path: "gate",
    protocol: "rtsp",
    remote: { address: "::ffff:192.0.2.1" },
    query: "a=b&token=t%31",
    id: "f1b2c3d4-0000-4000-8000-000000000001",
    userAgent: "player/1",
    credentials: { kind: "basic", user: "anna", pass: "geheim" },
    ...more,
  };
}

async function methodWith(answer: Parameters<typeof startHttpService>[0]) {
  const service = await startHttpService(answer);
  services.push(service);
  const faults: string[] = [];
  const method = new HttpMethod({
    url: `${service.url}/auth`,
    fingerprint: "",
    exclude: new Permissions([{ action: "metrics", path: "" }], () => undefined),
    timeoutMs: 10_000,
    signal: new AbortController().signal,
    onFault: (text) => faults.push(text),
  });
  return { service, method, faults };
}

describe("authMethod: http", () => {
  it("posts exactly MediaMTX's fields, in its order", async () => {
    const { service, method } = await methodWith((_, response) => response.writeHead(204).end());
    assert.deepEqual((await method.judge(request())).kind, "granted");
    await method.judge(
      request({
        action: "api",
        path: "",
        protocol: "",
        id: "",
        query: "",
        userAgent: undefined,
        credentials: { kind: "token", token: "tok" },
      } as object),
    );
    await method.judge(request({ credentials: { kind: "none" }, remote: { address: "fe80::1%eth0" } }));
    assert.deepEqual(
      service.calls.map(({ method: verb, path, body }) => [verb, path, body]),
      [
        [
          "POST",
          "/auth",
          '{"ip":"192.0.2.1","user":"anna","password":"geheim","token":"geheim","action":"read","path":"gate","protocol":"rtsp",' +
            '"id":"f1b2c3d4-0000-4000-8000-000000000001","query":"a=b&token=t%31","userAgent":"player/1"}',
        ],
        [
          "POST",
          "/auth",
          '{"ip":"192.0.2.1","user":"","password":"","token":"tok","action":"api","path":"","protocol":"","id":null,"query":"","userAgent":""}',
        ],
        [
          "POST",
          "/auth",
          '{"ip":"fe80::1","user":"","password":"","token":"t1","action":"read","path":"gate","protocol":"rtsp",' +
            '"id":"f1b2c3d4-0000-4000-8000-000000000001","query":"a=b&token=t%31","userAgent":"player/1"}',
        ],
      ],
    );
  });

  it("2xx allows, 4xx is the server's word on the client, anything else its own trouble", async () => {
    let status = 200;
    const { method, faults } = await methodWith((_, response) => response.writeHead(status).end("because"));
    const kinds: string[] = [];
    for (status of [200, 204, 299, 301, 400, 401, 403, 500, 503]) kinds.push(`${status} ${(await method.judge(request())).kind}`);
    assert.deepEqual(kinds, [
      "200 granted",
      "204 granted",
      "299 granted",
      "301 refused",
      "400 wrong",
      "401 wrong",
      "403 wrong",
      "500 refused",
      "503 refused",
    ]);
    assert.equal(faults.length, 3);
  });

  it("repeats no secret of what the server says, and not all of it", async () => {
    const { method } = await methodWith((call, response) => response.writeHead(401).end(`bad: ${call.body}${"x".repeat(200_000)}`));
    const verdict = await method.judge(request({ credentials: { kind: "basic", user: "anna", pass: "canary" } }));
    assert.ok(verdict.kind === "wrong");
    assert.ok(!verdict.reason.includes("canary") && verdict.reason.length < 400, verdict.reason);
    assert.match(verdict.reason, /answered 401: bad: /);
  });

  it("a slow answer holds up nobody else, and only so many wait", async () => {
    const held: (() => void)[] = [];
    const { service, method } = await methodWith((call, response) => {
      const { path } = JSON.parse(call.body) as { path: string };
      if (path === "slow") held.push(() => response.writeHead(200).end());
      else response.writeHead(200).end();
    });
    const slow = Array.from({ length: 256 }, () => method.judge(request({ path: "slow" })));
    const beyond = await method.judge(request());
    assert.ok(beyond.kind === "refused");
    assert.match(beyond.reason, /too many logins wait/);
    await service.received(1);
    while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
    held.shift()!();
    await Promise.race(slow);
    assert.equal((await method.judge(request())).kind, "granted");
    await service.received(257);
    for (const release of held) release();
    assert.ok((await Promise.all(slow)).every(({ kind }) => kind === "granted"));
  });

  it("a server that is down is no wrong password, and the log can say so", async () => {
    const { service, method, faults } = await methodWith(() => {});
    await service.close();
    const verdict = await method.judge(request());
    assert.ok(verdict.kind === "refused");
    assert.match(verdict.reason, /could not be asked: .*ECONNREFUSED/);
    assert.equal(faults.length, 1);
  });

  it("what is excluded is open, and grants hold for the same server", async () => {
    const { method } = await methodWith((_, response) => response.end());
    assert.equal(method.isOpen({ action: "metrics", path: "" }), true);
    assert.equal(method.isOpen({ action: "read", path: "gate" }), false);
    const verdict = await method.judge(request());
    assert.ok(verdict.kind === "granted");
    assert.equal(method.honours(verdict.proof, request()), true);
    const other = await methodWith((_, response) => response.end());
    assert.equal(other.method.honours(verdict.proof, request()), false);
    assert.equal(other.method.honours({ kind: "everybody" }, { action: "metrics", path: "" }), true);
  });

  it("knows when nothing was sent", async () => {
    const { method } = await methodWith((_, response) => response.end());
    assert.equal(method.lacksCredentials(request({ credentials: { kind: "none" }, query: "" })), true);
    assert.equal(method.lacksCredentials(request({ credentials: { kind: "none" } })), false, "a token in the query");
    assert.equal(method.lacksCredentials(request({ credentials: { kind: "token", token: "x" }, query: "" })), false);
  });
});
