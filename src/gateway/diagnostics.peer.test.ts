// Looking for a fault from afar, on Debian's mosquitto: the log while it is written, and a bundle at `camgate noc receive`. No secret of the config is in either.
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { startNocRun } from "#testing/noc-run.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { findPeer, missingOf } from "#testing/peers/find-peer.ts";
import { mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";
import { runPeer } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";

const ROOT = "cg/v1/acme/gw-0001";
const tar = findPeer("tar");
/** In every form that it may have. */
const CANARY = "canary-7+secret";
const FORMS = [CANARY, encodeURIComponent(CANARY), Buffer.from(CANARY).toString("base64"), Buffer.from(CANARY).toString("base64url")];

test("log.tail and diag.bundle: what an engineer needs, and no secret", {
  skip: missingOf(findPeer("openssl"), tar) || mosquittoMissing,
}, async (t) => {
  const root = await temporaryFolder(t);
  const [nocFolder, files] = [join(root, "noc"), join(root, "received")];
  const ca = join(nocFolder, "ca");
  const env: Record<string, string> = { CAMGATE_NOC_TENANT: "acme", CAMGATE_NOC_DIRECTORY: nocFolder, CAMGATE_NOC_CA: join(ca, "ca.pem") };
  const noc = (...words: readonly string[]) => startNocRun(env, ...words);
  for (const words of [
    ["enrol", "ca"],
    ["enrol", "broker", "127.0.0.1"],
    ["enrol", "receiver", "127.0.0.1"],
    ["keys", "make", "noc-a"],
  ])
    assert.equal(await noc(...words).code, 0, words.join(" "));
  const broker = await startMosquitto(t, {
    config: `allow_anonymous true\ncertfile ${join(ca, "broker.crt")}\nkeyfile ${join(ca, "broker.key")}`,
    clientWords: ["--cafile", join(ca, "ca.pem")],
  });
  env["CAMGATE_NOC_BROKER"] = `mqtts://127.0.0.1:${broker.port}`;
  const receiver = noc("receive", "--folder", files, "--listen", "127.0.0.1:0");
  t.after(async () => {
    receiver.stop.abort();
    await receiver.code;
  });
  const port = /:(\d+):/.exec(await until("the receiver", () => receiver.lines[0]))![1];
  const watched = await broker.subscribe("cg/#");
  await startCamgate(t, {
    config:
      `destinationHosts: [127.0.0.1]\nmqtt:\n  urls: [mqtts://127.0.0.1:${broker.port}]\n  tenant: acme\n  gatewayId: gw-0001\n  commands: signed\n` +
      `  commandKeys: [${join(nocFolder, "command-keys.json")}]\n  ca: ${join(ca, "ca.pem")}\n` +
      `authInternalUsers:\n  - {user: any, permissions: [{action: read}, {action: publish}]}\n  - {user: viewer, pass: '${CANARY}', permissions: [{action: read}]}\n` +
      `paths:\n  gate: {source: 'rtsp://admin:${encodeURIComponent(CANARY)}@127.0.0.1:1/stream?token=${CANARY}', rtspTransport: tcp}\n`,
  });
  await watched.wait("the birth", ({ json }) => json?.online === true);
  const ask = async (op: string, args: object) => {
    const { code, lines } = noc("send", "gw-0001", op, JSON.stringify(args), "--json");
    return { code: await code, answer: JSON.parse((await code.then(() => lines)).at(-1)!) };
  };

  const lease = await ask("log.tail", { ttl_s: 60, level: "debug", last: 100 });
  assert.equal(lease.code, 0, JSON.stringify(lease.answer));
  const { lid, exp } = lease.answer.res;
  assert.ok(exp > Date.now());
  const shown = await watched.wait("lines of the camera that is not there", ({ topic, json }) => {
    return topic === `${ROOT}/up/log` && json.lid === lid && json.lines.some((line: string) => /gate/.test(line));
  });
  assert.deepEqual(contractFaults("up-log", shown.json), []);
  assert.equal((await ask("log.tail", {})).answer.e.c, "E_BUSY");
  assert.ok((await ask("log.tail", { lid, ttl_s: 600 })).answer.res.exp > exp);
  assert.equal((await ask("log.stop", { lid })).code, 0);
  assert.equal((await ask("log.stop", { lid })).answer.e.c, "E_NOTFOUND");

  const shownLog = noc("log", "gw-0001", "--last", "100");
  await until("lines on a terminal", () => shownLog.lines.some((line) => / WAR \[path gate\] source: /.test(line)));
  shownLog.stop.abort();
  assert.equal(await shownLog.code, 0, shownLog.lines.join("\n"));
  assert.equal(await noc("log", "gw-0001", "--level", "all").code, 1);

  const grant = noc("receive", "grant", "gw-0001/bundle.tar.gz", "--url", `https://127.0.0.1:${port}`);
  assert.equal(await grant.code, 0);
  const bundle = await ask("diag.bundle", { dest: JSON.parse(grant.lines[0]!) });
  assert.equal(bundle.code, 0, JSON.stringify(bundle.answer));
  const path = join(files, "gw-0001/bundle.tar.gz");
  const bytes = await readFile(path);
  assert.equal(bundle.answer.res.bytes, bytes.length);
  const unpacked = join(root, "unpacked");
  await mkdir(unpacked);
  await runPeer(t, tar, ["-xzf", path, "-C", unpacked]);
  const read = (name: string): Promise<string> => readFile(join(unpacked, "camgate-diagnostics", name), "utf8");
  const expected = [
    "about.json",
    "config.yml",
    "health.json",
    "recording.json",
    "sessions.json",
    "link.json",
    "process.json",
    "machine.json",
    "audit.json",
    "log.txt",
  ];
  for (const name of [...expected, "proc/meminfo", "proc/self/status"]) assert.ok(bundle.answer.res.files.includes(name), name);
  assert.equal(JSON.parse(await read("about.json")).gateway, "acme/gw-0001");
  assert.ok(JSON.parse(await read("health.json")).cams.gate !== undefined);
  assert.match(await read("config.yml"), /source: "?'?rtsp:\/\/admin:<redacted>@127\.0\.0\.1:1/);
  assert.match(await read("log.txt"), /\[RTSP\] listener opened/);
  assert.match(await read("proc/meminfo"), /MemTotal/);
  assert.ok(JSON.parse(await read("audit.json")).entries.some((one: { readonly op: string }) => one.op === "diag.bundle"));

  const said = watched.messages().map(({ payload }) => payload);
  for (const [where, text] of [
    ["the bundle", gunzipSync(bytes).toString("latin1")],
    ["messages", said.join("\n")],
  ] as const)
    for (const form of FORMS) assert.ok(!text.includes(form), `${form} in ${where}`);
});
