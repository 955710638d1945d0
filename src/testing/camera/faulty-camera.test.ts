import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { FAULTS } from "../faults/fault-list.ts";
import { playOverTcp, RawRtspClient } from "../raw-rtsp-client.ts";
import { faultOf, serveFault } from "./faulty-camera.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

function camera(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

test("every id is there once", () => {
  const ids = FAULTS.map(({ id }) => id);
  assert.deepEqual(ids, [...new Set(ids)]);
  for (const { id, cases } of FAULTS) {
    assert.match(id, /^C\d+$/);
    assert.ok(cases.length > 0, id);
  }
});

test("--fault list names ids and titles; an id that is none is refused with the way to find them", () => {
  const { status, stdout } = camera("--fault", "list");
  assert.equal(status, 0);
  assert.deepEqual(
    stdout.trimEnd().split("\n"),
    FAULTS.map(({ id, title }) => `${id.padEnd(5)} ${title}`),
  );
  const unknown = camera("--fault", "C9999");
  assert.equal(unknown.status, 1);
  assert.match(unknown.stderr, /^there is no fault C9999: --fault list names those there are\nusage:/);
});

test("a fault is served for a client of any kind: what it will do is said before, and when it does it", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const lines: string[] = [];
  const served = await serveFault(faultOf("c46"), { port: 0, print: (text) => lines.push(text) });
  const url = new URL(served.urls[0]!.replace("rtsp:", "http:"));
  const client = await RawRtspClient.connect(Number(url.port));
  t.after(async () => {
    client.close();
    await served.close();
  });
  const said = lines.join("\n");
  assert.match(said, /^C46: half-open TCP/);
  assert.match(said, / {2}10\.0 s {2}the power is cut/);
  assert.ok(said.includes(`source: ${served.urls[0]}`));

  await playOverTcp(client, served.urls[0]!);
  t.mock.timers.tick(40);
  await client.when("a packet", (packets) => packets.length > 0);
  t.mock.timers.tick(10_000);
  assert.match(lines.at(-1)!, new RegExp(`^port ${url.port}, .* s: the power is cut`));
});

test("each case has a port of its own, and a taken port is an error", async (t) => {
  const fault = faultOf("C44");
  const served = await serveFault(fault, { port: 0, print: () => {} });
  t.after(() => served.close());
  assert.equal(new Set(served.urls).size, fault.cases.length);
  const taken = Number(new URL(served.urls[0]!.replace("rtsp:", "http:")).port);
  await assert.rejects(serveFault(fault, { port: taken, print: () => {} }), { code: "EADDRINUSE" });
});
