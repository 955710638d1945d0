// A gateway's certificate is renewed over the link that it holds up, by an operator with `camgate noc`: on Debian's mosquitto, with a CA that openssl keeps.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { freeTcpPort } from "#testing/free-ports.ts";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { nocRun } from "#testing/noc-run.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { findPeer, missingOf } from "#testing/peers/find-peer.ts";
import { mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { makeSelfSigned } from "#testing/self-signed.ts";

const ROOT = "cg/v1/acme/gw-0001";
const skip = mosquittoMissing || missingOf(findPeer("openssl"));

/** `hasOwnAuthority`: the broker lets gateways in by certificates of another authority than that which issues new ones. */
async function siteOn(t: TestContext, { hasOwnAuthority = false } = {}) {
  const folder = await temporaryFolder(t);
  const ca = join(folder, "noc", "ca");
  const file = (name: string): string => join(ca, name);
  const offline = { CAMGATE_NOC_DIRECTORY: join(folder, "noc"), CAMGATE_NOC_TENANT: "acme" };
  for (const words of [
    "enrol ca",
    "enrol broker localhost 127.0.0.1",
    "enrol operator noc-cli",
    "enrol gateway gw-0001",
    "keys make noc-a",
  ])
    assert.equal((await nocRun(offline, ...words.split(" "))).code, 0, words);
  // The gateway has copies: the CA's folder is the operator's.
  for (const name of ["gw-0001.crt", "gw-0001.key"]) await writeFile(join(folder, name), await readFile(file(name)));
  let admission = `cafile ${file("ca.pem")}\ncrlfile ${file("ca.crl")}`;
  if (hasOwnAuthority) {
    const authority = makeSelfSigned({ name: "first CA", isAuthority: true });
    const pair = makeSelfSigned({ name: "gw-0001", issuer: authority });
    await writeFile(join(folder, "gw-0001.crt"), pair.cert);
    await writeFile(join(folder, "gw-0001.key"), pair.key);
    await writeFile(join(folder, "first.pem"), authority.cert);
    admission = `cafile ${join(folder, "first.pem")}`;
  }
  const clientPort = await freeTcpPort(0);
  const tls = (lines: string): string =>
    `${lines}\ncertfile ${file("broker.crt")}\nkeyfile ${file("broker.key")}\nrequire_certificate true\nuse_identity_as_username true\n`;
  // The first listener is the gateways', the second one the NOC's.
  const broker = await startMosquitto(t, {
    clientPort,
    config: `per_listener_settings false\nallow_anonymous false\n${tls(admission)}listener ${clientPort} 127.0.0.1\n${tls(`cafile ${file("ca.pem")}`)}`,
    clientWords: ["--cafile", file("ca.pem"), "--cert", file("noc-cli.crt"), "--key", file("noc-cli.key")],
  });
  const online = {
    ...offline,
    ...{ CAMGATE_NOC_BROKER: `mqtts://localhost:${clientPort}`, CAMGATE_NOC_CA: file("ca.pem") },
    ...{ CAMGATE_NOC_CERT: file("noc-cli.crt"), CAMGATE_NOC_KEY: file("noc-cli.key") },
  };
  const run = (...words: readonly string[]) => nocRun(online, ...words);
  const config =
    `mqtt:\n  urls: [mqtts://localhost:${broker.port}]\n  tenant: acme\n  gatewayId: gw-0001\n  commands: signed\n` +
    `  commandKeys: ['${join(folder, "noc", "command-keys.json")}']\n  ca: ${file("ca.pem")}\n` +
    `  cert: ${join(folder, "gw-0001.crt")}\n  key: ${join(folder, "gw-0001.key")}\npaths: {}\n`;
  const wire = await broker.subscribe(`${ROOT}/up/#`);
  const births = (): number => wire.messages().filter(({ json }) => json?.online === true).length;
  const start = async (at?: string) => {
    const before = births();
    const camgate = await startCamgate(t, { config, ...(at !== undefined && { folder: at }) });
    await until("a birth", () => births() > before, 60_000);
    return camgate;
  };
  const serial = async (name: string): Promise<string> => new X509Certificate(await readFile(name)).serialNumber;
  const told = (serialNumber: string) =>
    wire.wait(`an inventory with ${serialNumber}`, ({ topic, json }) => topic === `${ROOT}/up/info` && json.cert?.serial === serialNumber);
  return { folder, ca, broker, wire, run, start, births, serial, told };
}

test("a certificate is asked for, issued, shown, and there after a start; the one before is revoked", { skip }, async (t) => {
  const { folder, ca, broker, wire, run, start, serial, told } = await siteOn(t);
  const camgate = await start();
  const first = await serial(join(folder, "gw-0001.crt"));
  await told(first);
  const renewed = await run("enrol", "renew", "gw-0001");
  assert.equal(renewed.code, 0, renewed.text);
  assert.match(renewed.text, /the gateway shows it, with a key of its own making\nrevoked: 1 older certificate\. Give /);
  const second = await serial(join(ca, "gw-0001.crt"));
  assert.notEqual(second, first);
  const info = await told(second);
  assert.deepEqual(contractFaults("up-info", info.json), []);
  const answer = await wire.wait("the last answer", ({ json }) => json?.res?.serial === second);
  assert.deepEqual(contractFaults("op.cert.renew.res", answer.json.res), []);
  // The broker reads the list: the certificate of before is out, and the gateway comes with the new one after a start, too.
  process.kill(broker.process.pid, "SIGHUP");
  await camgate.process.kill();
  const again = await start(camgate.folder);
  assert.equal((await run("send", "gw-0001", "ping")).code, 0);
  assert.doesNotMatch(again.process.stdout.toString("utf8"), /no connection/);
});

test("one that the broker refuses gives way to the one before, at once", { skip }, async (t) => {
  const { folder, ca, run, start, births, serial, wire } = await siteOn(t, { hasOwnAuthority: true });
  await start();
  const before = births();
  const { code, text } = await run("enrol", "renew", "gw-0001");
  assert.equal(code, 3, text);
  assert.match(
    text,
    /was issued, and the gateway does not show it; the one before is not revoked\nerr E_DENIED: no connection with the new certificate/,
  );
  await until("a birth with the one before", () => births() > before, 60_000);
  assert.equal((await run("send", "gw-0001", "ping")).code, 0);
  const first = await serial(join(folder, "gw-0001.crt"));
  assert.notEqual(await serial(join(ca, "gw-0001.crt")), first);
  await wire.wait("its inventory", ({ topic, json }) => topic === `${ROOT}/up/info` && json.cert?.serial === first);
});

test("what is no certificate for this gateway is refused before anything is tried", { skip }, async (t) => {
  const { run, start, births } = await siteOn(t);
  await start();
  const before = births();
  const own = String(makeSelfSigned({ name: "gw-0001" }).cert);
  for (const [args, words] of [
    [{ cert: own }, /err E_BUSY: cert: no certificate was asked for/],
    [{ cert: "no" }, /no certificate was asked for|no certificate in PEM/],
  ] as const)
    assert.match((await run("send", "gw-0001", "cert.renew", JSON.stringify(args))).text, words);
  assert.match((await run("send", "gw-0001", "cert.renew")).text, /BEGIN CERTIFICATE REQUEST/);
  assert.match(
    (await run("send", "gw-0001", "cert.renew", JSON.stringify({ cert: own }))).text,
    /err E_SCHEMA: cert: the certificate is for another key/,
  );
  assert.equal((await run("send", "gw-0001", "cert.renew", "--unsigned")).text, "rej E_SIG: cert.renew has to be signed");
  assert.equal(births(), before);
});
