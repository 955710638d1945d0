// S09: a camera that must not be reached is not connected to: by address, by name, by a name that changes, by redirect, and when it is looked whether it is back.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { setServers } from "node:dns";
import { setServers as setPromisedServers } from "node:dns/promises";
import { once } from "node:events";
import { syncBuiltinESMExports } from "node:module";
import { type TestContext, test } from "node:test";
import { resolveHost } from "#base/resolve-host.ts";
import { isPlaying, pull, seen, startCamera } from "#testing/pulled-source.ts";
import { isListening } from "./client.ts";
import { parseRtspUrl } from "./url.ts";

/** The loopback addresses but one are forbidden here: tests have no others. */
const onlyTheFirst = (address: string): string | undefined => (address === "127.0.0.1" ? undefined : `no ${address}`);
const none = (address: string): string | undefined => `no ${address}`;

/** A name server that knows one name at a time: each question takes the next answer, the last one stays. RFC 1035 §4. */
async function startNameServer(t: TestContext, answers: readonly (readonly string[])[]): Promise<{ readonly asked: () => number }> {
  let asked = 0;
  const server = createSocket("udp4");
  t.after(() => server.close());
  server.on("message", (query, { address, port }) => {
    const end = query.indexOf(0, 12) + 5;
    const isA = query.readUInt16BE(end - 4) === 1;
    const found = isA ? answers[Math.min(asked++, answers.length - 1)]! : [];
    const records = found.map((ip) => Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...ip.split(".").map(Number)]));
    const head = Buffer.from(query.subarray(0, 12));
    head.writeUInt16BE(0x8180, 2);
    head.writeUInt16BE(records.length, 6);
    head.writeUInt32BE(0, 8);
    server.send(Buffer.concat([head, query.subarray(12, end), ...records]), port, address);
  });
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  const place = `127.0.0.1:${server.address().port}`;
  setServers([place]);
  setPromisedServers([place]);
  syncBuiltinESMExports(); // both make other functions of what was imported
  return { asked: () => asked };
}

test("by address: nothing is connected to, and the fault says why", async (t) => {
  const camera = await startCamera(t);
  const fault = await pull(t, camera.url(), { addressFault: none }).fault();
  assert.deepEqual([fault.code, fault.message], ["config", "no 127.0.0.1"]);
  assert.equal(camera.connections.length, 0);
  const { port } = parseRtspUrl(camera.url())!;
  for (const host of ["127.0.0.1", "localhost", "0x7f.1", "2130706433"]) {
    const url = parseRtspUrl(`rtsp://${host}:${port}/x`)!;
    assert.equal(await isListening(url, new AbortController().signal, none), false);
    assert.equal((await pull(t, `rtsp://${host}:${port}/x`, { addressFault: none }).fault()).code, "config", host);
  }
  assert.equal(camera.connections.length, 0);
});

test("by redirect: the camera that it leads to is not connected to", async (t) => {
  const camera = await startCamera(t, { script: { DESCRIBE: () => ({ status: 302, headers: { Location: "rtsp://127.0.0.2:1/x" } }) } });
  const fault = await pull(t, camera.url(), { addressFault: onlyTheFirst }).fault();
  assert.deepEqual([fault.code, fault.message], ["config", "no 127.0.0.2"]);
});

test("by name: one forbidden address among several is one too many; what was looked at is what is connected to", async (t) => {
  const camera = await startCamera(t);
  const { port } = parseRtspUrl(camera.url())!;
  const server = await startNameServer(t, [["127.0.0.1", "127.0.0.2"], ["127.0.0.1"], ["127.0.0.2"]]);
  const mixed = await pull(t, `rtsp://mixed.example:${port}/x`, { addressFault: onlyTheFirst }).fault();
  assert.deepEqual([mixed.code, mixed.message], ["config", "no 127.0.0.2"]);
  assert.equal(camera.connections.length, 0);
  const looked: string[] = [];
  pull(t, `rtsp://changing.example:${port}/stream`, { addressFault: (address) => void looked.push(address) });
  await seen("PLAY", () => isPlaying(camera));
  assert.deepEqual(looked, ["127.0.0.1"]);
  assert.equal(server.asked(), 2, "the name is not asked for again between the look and the connection");
  assert.deepEqual(await resolveHost("other.example"), ["127.0.0.2"], "and would have another address by now");
});
