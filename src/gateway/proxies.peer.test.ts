// A gateway below a folder of a web server: the configs that are shipped in docs/proxies, and the shortest that do.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { parseConfig } from "#config/parse-config.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { freeTcpPort, freeUdpPortPair } from "#testing/free-ports.ts";
import { chromium, openInChromium } from "#testing/peers/chromium.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { webProxies } from "#testing/peers/web-proxies.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { Gateway } from "./gateway.ts";

const HTTP_PORTS = { api: 9997, metrics: 9998, playback: 9996, webrtc: 8889 } as const;
const SHIPPED = { nginx: "nginx.conf", apache: "apache.conf", caddy: "Caddyfile" } as const;
const NAMES = ["nginx", "apache", "caddy"] as const;

/** With `below` and `port` for the WebRTC server alone. */
const SHORTEST = {
  nginx: (below: string, port: number) => `location ${below}/ { proxy_pass http://127.0.0.1:${port}/; proxy_redirect / ${below}/; }`,
  apache: (below: string, port: number) =>
    `<Location ${below}>\nProxyPass http://127.0.0.1:${port}\nProxyPassReverse http://127.0.0.1:${port}\nHeader edit Location ^(.*)$ "${below}$1"\n</Location>`,
  caddy: (below: string, port: number) =>
    `:80 {\nhandle_path ${below}/* {\nreverse_proxy 127.0.0.1:${port} {\nheader_down Location ^/ ${below}/\n}\n}\n}`,
} as const;

const OFFER = [
  "v=0",
  "o=- 1 1 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE 0",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "c=IN IP4 0.0.0.0",
  "a=ice-ufrag:abcd",
  "a=ice-pwd:0123456789012345678901",
  `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => "AB").join(":")}`,
  "a=setup:actpass",
  "a=mid:0",
  "a=recvonly",
  "a=rtcp-mux",
  "a=rtpmap:96 H264/90000",
  "a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
  "",
].join("\r\n");

/** Everything that is served over HTTP, with a camera that is recorded. Clients may be at 127.0.0.1 only, as the proxy says. */
async function startGateway(t: TestContext) {
  const folder = await temporaryFolder(t);
  const camera = await ScriptedCamera.start({ frameMs: 40, video: { gopFrames: 10 } });
  t.after(() => camera.close());
  const servers = Object.keys(HTTP_PORTS) as readonly (keyof typeof HTTP_PORTS)[];
  const lines = servers.map((name) => `${name}: yes\n${name}Address: 127.0.0.1:0\n${name}TrustedProxies: [127.0.0.1]\n`);
  const text = `rtspAddress: 127.0.0.1:${await freeTcpPort(0)}
rtspTransports: [tcp]
webrtcLocalUDPAddress: 127.0.0.1:${await freeUdpPortPair(0)}
dataDirectory: ${folder}/data
${lines.join("")}paths:
  gate: {source: '${camera.url()}', rtspTransport: tcp, record: yes, recordPartDuration: 100ms, recordPath: '${folder}/%path/%Y-%m-%d_%H-%M-%S-%f'}
`;
  const { config, problems } = parseConfig(text, "camgate.yml", {});
  assert.ok(config !== undefined, problems.map(({ message }) => message).join("\n"));
  const gateway = await Gateway.start(config, collectedLog());
  t.after(() => gateway.close());
  await until("the stream", () => gateway.registry.get("gate")?.state === "available");
  return gateway;
}

/** A page, and a WHEP session from its offer to its end. */
async function assertServesWebRtc(origin: string, below: string): Promise<void> {
  const bare = await fetch(`${origin}${below}/gate`, { redirect: "manual" });
  const pathOf = (response: Response): string => new URL(response.headers.get("location")!, origin).pathname; // nginx makes a whole URL of it
  assert.deepEqual([bare.status, pathOf(bare)], [302, `${below}/gate/`]);
  const page = await fetch(`${origin}${below}/gate`);
  assert.deepEqual([page.status, page.url], [200, `${origin}${below}/gate/`]);
  assert.match(await page.text(), /<html/i);
  assert.equal((await fetch(`${origin}${below}/gate/reader.js`)).status, 200);
  const created = await fetch(`${origin}${below}/gate/whep`, {
    method: "POST",
    headers: { "Content-Type": "application/sdp" },
    body: OFFER,
  });
  assert.equal(created.status, 201, await created.clone().text());
  const location = pathOf(created);
  assert.match(location, new RegExp(`^${below}/gate/whep/[0-9a-f-]{36}$`));
  assert.equal((await fetch(new URL(location, origin), { method: "DELETE" })).status, 200);
}

for (const name of NAMES) {
  const proxy = webProxies[name];

  test(`${proxy.name} with the config of docs/proxies: pages, WHEP, API, playback, metrics`, { skip: proxy.peer.missing }, async (t) => {
    const gateway = await startGateway(t);
    let text = await readFile(new URL(`../../docs/proxies/${SHIPPED[name]}`, import.meta.url), "utf8");
    for (const [server, port] of Object.entries(HTTP_PORTS)) {
      assert.ok(text.includes(`127.0.0.1:${port}`));
      text = text.replaceAll(`127.0.0.1:${port}`, `127.0.0.1:${gateway.ports[`${server}Address`]}`);
    }
    const origin = await proxy.start(t, text);
    await assertServesWebRtc(origin, "/gateway");

    const paths = (await (await fetch(`${origin}/gateway/api/v3/paths/list`)).json()) as { items: readonly { name: string }[] };
    assert.deepEqual(
      paths.items.map((path) => path.name),
      ["gate"],
    );
    const preflight = await fetch(`${origin}/gateway/api/v3/paths/list`, {
      method: "OPTIONS",
      headers: { origin: "https://noc.example", "access-control-request-method": "GET" },
    });
    assert.deepEqual([preflight.status, preflight.headers.get("access-control-allow-origin")], [204, "*"]);

    assert.match(await (await fetch(`${origin}/gateway/metrics?type=paths`)).text(), /^paths\{name="gate",state="ready"\} 1$/m);

    const [span] = await until("something recorded", async () => {
      const response = await fetch(`${origin}/gateway/playback/list?path=gate`);
      return response.ok && ((await response.json()) as readonly { url: string }[]);
    });
    assert.ok(span!.url.startsWith(`${origin}/gateway/playback/get?`), span!.url);
    const clip = await fetch(`${span!.url}&format=mp4`, { headers: { range: "bytes=4-7" } });
    assert.deepEqual([clip.status, await clip.text()], [206, "ftyp"]);
  });

  test(`${proxy.name} with the shortest config: everything but the prefix in /list`, { skip: proxy.peer.missing }, async (t) => {
    const gateway = await startGateway(t);
    const origin = await proxy.start(t, SHORTEST[name]("/site", gateway.ports["webrtcAddress"]!));
    await assertServesWebRtc(origin, "/site");
  });
}

test("the client's address comes through a proxy", { skip: webProxies.nginx.peer.missing }, async (t) => {
  const gateway = await startGateway(t);
  const text = (await readFile(new URL("../../docs/proxies/nginx.conf", import.meta.url), "utf8")).replaceAll(
    "127.0.0.1:8889",
    `127.0.0.1:${gateway.ports["webrtcAddress"]}`,
  );
  const origin = await webProxies.nginx.start(t, text);
  // The client stands at a trusted address here, so that what it says of another one behind it is believed.
  const headers = { "Content-Type": "application/sdp", "X-Forwarded-For": "192.0.2.99" };
  assert.equal((await fetch(`${origin}/gateway/gate/whep`, { method: "POST", headers, body: OFFER })).status, 201);
  assert.equal(gateway.sessions.list("webRTCSession")[0]!.remote!.address, "192.0.2.99");
});

test("a page behind a proxy plays", { skip: missingOf(webProxies.nginx.peer, chromium) }, async (t) => {
  const gateway = await startGateway(t);
  const origin = await webProxies.nginx.start(t, SHORTEST.nginx("/site", gateway.ports["webrtcAddress"]!));
  const browser = await openInChromium(t, `${origin}/site/gate/`);
  await until("media is sent", () =>
    gateway.sessions.list("webRTCSession").some((session) => session.counters()["outboundBytes"]! > 50_000),
  );
  await browser.interrupt();
});
