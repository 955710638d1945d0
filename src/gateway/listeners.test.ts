// The listeners of HTTP servers, from the text of the config to a client: TLS, and whose X-Forwarded headers count.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { parseConfig } from "#config/parse-config.ts";
import { AwaitedLog } from "#testing/awaited-log.ts";
import { freeTcpPort } from "#testing/free-ports.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { writeSelfSigned } from "#testing/self-signed.ts";
import { Gateway } from "./gateway.ts";

async function start(t: TestContext, config: string) {
  const log = new AwaitedLog();
  const parsed = parseConfig(`rtsp: no\nwebrtc: no\nlogLevel: debug\n${config}`, "camgate.yml", {});
  assert.ok(parsed.config !== undefined, parsed.problems.map(({ message }) => message).join("\n"));
  const gateway = await Gateway.start(parsed.config, log);
  t.after(() => gateway.close());
  return { gateway, log };
}

async function get(port: number, path: string, ca: Buffer, headers = {}): Promise<{ status: number; body: string }> {
  const outgoing = request({ host: "127.0.0.1", port, path, ca, headers, agent: false });
  outgoing.end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  return { status: response.statusCode!, body: await text(response) };
}

test("API, metrics and playback over TLS, each with its own certificate", async (t) => {
  const folder = await temporaryFolder(t);
  const pair = await writeSelfSigned(folder);
  const names = ["api", "metrics", "playback"] as const;
  const lines = await Promise.all(
    names.map(
      async (name) => `${name}: yes
${name}Address: 127.0.0.1:${await freeTcpPort(0)}
${name}Encryption: yes
${name}ServerKey: ${pair.keyFile}
${name}ServerCert: ${pair.certFile}
`,
    ),
  );
  const { gateway, log } = await start(t, `${lines.join("")}dataDirectory: ${folder}/data\npaths: {gate: {}}\n`);
  for (const [name, path, status] of [
    ["api", "/v3/paths/list", 200],
    ["metrics", "/metrics", 200],
    ["playback", "/list?path=gate", 404],
  ] as const) {
    const port = gateway.ports[`${name}Address`]!;
    const answer = await get(port, path, pair.cert);
    assert.equal(answer.status, status, `${name}: ${answer.body}`);
    await assert.rejects(fetch(`http://127.0.0.1:${port}${path}`), `${name} serves no plain HTTP`);
  }
  assert.equal(log.lines.filter((line) => /listener opened on 127\.0\.0\.1:\d+ \(TCP, TLS\)/.test(line)).length, 3);
  const renewed = await writeSelfSigned(folder);
  await log.line(/new certificate/, 3);
  for (const name of names) await get(gateway.ports[`${name}Address`]!, "/", renewed.cert);
});

test("a gateway whose certificate cannot be had does not start, and says which setting", async (t) => {
  const folder = await temporaryFolder(t);
  const settings = `api: yes\napiAddress: 127.0.0.1:0\napiEncryption: yes\napiServerKey: ${folder}/no.key\napiServerCert: ${folder}/no.crt\n`;
  await assert.rejects(start(t, settings), { message: /^apiServer(Key|Cert): .*ENOENT/ });
});

test("the client's address is that of X-Forwarded-For where the proxy is trusted, by address or network", async (t) => {
  const users = "authInternalUsers: [{user: any, ips: [192.0.2.7], permissions: [{action: api}]}]\n";
  const ask = async (proxies: string, forwardedFor: string): Promise<number> => {
    const { gateway } = await start(t, `${users}api: yes\napiAddress: 127.0.0.1:0\napiTrustedProxies: ${proxies}\n`);
    const url = `http://127.0.0.1:${gateway.ports["apiAddress"]}/v3/paths/list`;
    const { status } = await fetch(url, { headers: { "X-Forwarded-For": forwardedFor } });
    await gateway.close();
    return status;
  };
  assert.equal(await ask("[127.0.0.0/8]", "192.0.2.7"), 200);
  assert.equal(await ask("[127.0.0.1, 198.51.100.0/24]", "192.0.2.7, 198.51.100.9"), 200);
  assert.equal(await ask("[127.0.0.1]", "192.0.2.7, 198.51.100.9"), 401);
  assert.equal(await ask("[127.0.0.2]", "192.0.2.7"), 401);
  assert.equal(await ask("[]", "192.0.2.7"), 401);
});
