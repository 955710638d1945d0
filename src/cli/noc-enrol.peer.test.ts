// Certificates of our own CA on Debian's mosquitto, with the files of docs/mqtt/examples: who gets in, what reaches whom, and who is out again.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { copyFile, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { freeTcpPort } from "#testing/free-ports.ts";
import { findPeer, missingOf } from "#testing/peers/find-peer.ts";
import { mosquittoMissing } from "#testing/peers/mosquitto.ts";
import { startNoc } from "#testing/peers/noc.ts";
import { runPeer, startPeer } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { runNoc } from "./noc.ts";

const openssl = findPeer("openssl");
const EXAMPLES = new URL("../../docs/mqtt/examples/", import.meta.url);

async function run(env: Readonly<Record<string, string>>, ...words: readonly string[]) {
  const lines: string[] = [];
  const signal = new AbortController().signal;
  return { code: await runNoc(words, { line: (text) => lines.push(text) }, { env, signal, columns: undefined }), lines };
}

/** mosquitto with the example as it stands, but for places. */
async function exampleBroker(t: TestContext, root: string, ca: string) {
  const [gatewayPort, nocPort] = [await freeTcpPort(0), await freeTcpPort(0)];
  const example = (await readFile(new URL("mosquitto.conf", EXAMPLES), "utf8"))
    .replaceAll("/etc/mosquitto/certs", ca)
    .replace("/etc/mosquitto/mosquitto.acl", join(root, "acl"))
    .replace("listener 8883", `listener ${gatewayPort} 127.0.0.1`)
    .replace("listener 8884", `listener ${nocPort} 127.0.0.1`)
    .replace("/var/lib/mosquitto/", `${root}/`);
  await writeFile(join(root, "acl"), await readFile(new URL("mosquitto.acl", EXAMPLES)), { mode: 0o600 });
  await writeFile(join(root, "mosquitto.conf"), `user root\n${example}`);
  const broker = startPeer(t, findPeer("mosquitto"), ["-v", "-c", join(root, "mosquitto.conf")], { timeoutMs: 120_000 });
  await until("the broker", () => broker.stderr.includes(" running"));
  return { broker, gatewayPort, nocPort };
}

test("a gateway is enrolled, seen, and decommissioned", { skip: missingOf(openssl) || mosquittoMissing }, async (t) => {
  const root = await temporaryFolder(t);
  const [folder, ca] = [join(root, "noc"), join(root, "noc", "ca")];
  const offline = { CAMGATE_NOC_DIRECTORY: folder, CAMGATE_NOC_TENANT: "acme" };
  for (const words of [
    ["ca"],
    ["broker", "127.0.0.1", "noc.test"],
    ["operator", "noc-cli"],
    ["gateway", "gw-0001"],
    ["gateway", "gw-0002"],
  ])
    assert.equal((await run(offline, "enrol", ...words)).code, 0, words.join(" "));
  assert.equal((await stat(join(ca, "ca.key"))).mode & 0o777, 0o600);
  const certificate = new X509Certificate(await readFile(join(ca, "gw-0001.crt")));
  assert.ok(certificate.verify(new X509Certificate(await readFile(join(ca, "ca.pem"))).publicKey));
  assert.deepEqual([certificate.subject, certificate.ca], ["CN=gw-0001", false]);

  const { gatewayPort, nocPort } = await exampleBroker(t, root, ca);
  const access = (name: string, port: number): Record<string, string> => ({
    ...offline,
    ...{ CAMGATE_NOC_BROKER: `mqtts://127.0.0.1:${port}`, CAMGATE_NOC_CA: join(ca, "ca.pem") },
    ...{ CAMGATE_NOC_CERT: join(ca, `${name}.crt`), CAMGATE_NOC_KEY: join(ca, `${name}.key`) },
  });
  const noc = access("noc-cli", nocPort);
  const stop = new AbortController();
  t.after(() => stop.abort());
  const simulate = ["simulate", "--sites", "1", "--interval", "1", "--prefix", "gw-0"];
  // With a certificate of that name alone: sites are called gw-000001, so it is made for that.
  assert.equal((await run(offline, "enrol", "gateway", "gw-000001")).code, 0);
  const site = runNoc(simulate, { line: () => {} }, { env: access("gw-000001", gatewayPort), signal: stop.signal, columns: undefined });
  await until("the site in the table", async () =>
    (await run(noc, "watch", "--once", "1")).lines.some((line) => /^acme\/gw-000001 +up/.test(line)),
  );
  assert.equal((await run(noc, "send", "gw-000001", "ping", "--timeout", "20")).code, 0);
  // Another gateway's certificate: it may not tell others what to do.
  const foreign = await run(access("gw-0002", gatewayPort), "send", "gw-000001", "ping", "--timeout", "2");
  assert.equal(foreign.code, 1);
  assert.match(foreign.lines[0]!, /did not take a message on cg\/v1\/acme\/gw-000001\/dn\/cmd: .*Not authorized/);
  stop.abort();
  assert.equal(await site, 0);

  const wiped = await run(noc, "enrol", "decommission", "gw-000001");
  assert.deepEqual([wiped.code, wiped.lines.length], [0, 2]);
  assert.ok(!(await run(noc, "watch", "--once", "1")).lines.some((line) => line.includes("gw-000001")));
  const revoked = await runPeer(t, openssl, ["crl", "-in", join(ca, "ca.crl"), "-noout", "-text"]);
  assert.match(revoked.stdout.toString(), /Serial Number: /);
});

test("the broker reads the list again: a revoked certificate and one that was replaced are refused, the others are not; nothing of a gateway is left", {
  skip: missingOf(openssl) || mosquittoMissing,
}, async (t) => {
  const root = await temporaryFolder(t);
  const [folder, ca] = [join(root, "noc"), join(root, "noc", "ca")];
  const offline = { CAMGATE_NOC_DIRECTORY: folder, CAMGATE_NOC_TENANT: "acme" };
  const enrol = async (...words: readonly string[]): Promise<void> =>
    assert.equal((await run(offline, "enrol", ...words)).code, 0, words.join(" "));
  await enrol("ca");
  await enrol("broker", "127.0.0.1");
  await enrol("operator", "noc-cli");
  const sites = ["gw-000001", "gw-000002", "gw-000003"];
  for (const site of sites) await enrol("gateway", site);
  const { broker, gatewayPort, nocPort } = await exampleBroker(t, root, ca);
  const url = (port: number) => ({ CAMGATE_NOC_BROKER: `mqtts://127.0.0.1:${port}`, CAMGATE_NOC_CA: join(ca, "ca.pem") });
  const pair = (name: string, to = ca) => ({ CAMGATE_NOC_CERT: join(to, `${name}.crt`), CAMGATE_NOC_KEY: join(to, `${name}.key`) });
  const noc = { ...offline, ...url(nocPort), ...pair("noc-cli") };
  /** As a gateway connects: with its certificate, on the listener of gateways. What is refused is said. */
  const connect = async (name: string, from = ca) => {
    const program = startNoc(t, ["watch", "--once", "0"], { ...offline, ...url(gatewayPort), ...pair(name, from) });
    const { code } = await program.exited;
    return { code, text: `${program.stdout.toString("utf8")}${program.stderr}` };
  };

  // Each of them with a certificate of its own, and what it says lies at the broker.
  const simulate = ["simulate", "--sites", "3", "--interval", "3600", "--prefix", "gw-0", "--spread", "0", "--certificates", ca];
  const fleet = startNoc(t, simulate, { ...offline, ...url(gatewayPort) });
  await until(
    "three sites",
    async () => (await run(noc, "watch", "--once", "1")).lines.filter((line) => /^acme\/gw-00000\d +up/.test(line)).length === 3,
    60_000,
  );
  await fleet.interrupt();
  await writeFile(join(root, "site.yml"), "logLevel: debug");
  const config = ["config", "set", "gw-000001", join(root, "site.yml"), "--unsigned", "--timeout", "1"];
  assert.equal((await run(noc, ...config)).code, 7, "it is held ready");

  const old = join(root, "old");
  await mkdir(old);
  for (const end of ["crt", "key"]) await copyFile(join(ca, `gw-000002.${end}`), join(old, `gw-000002.${end}`));
  for (const site of sites) assert.equal((await connect(site)).code, 0, site);
  startNoc(t, ["simulate", "--sites", "1", "--interval", "3600", "--prefix", "gw-0", "--certificates", ca], {
    ...offline,
    ...url(gatewayPort),
  });
  const ping = async (): Promise<number> => (await run(noc, "send", "gw-000001", "ping", "--timeout", "3")).code;
  await until("a gateway that is connected", async () => (await ping()) === 0, 60_000);
  await enrol("revoke", "gw-000001");
  await enrol("replace", "gw-000002");
  assert.equal((await connect("gw-000002", old)).code, 0, "the broker has not read the list");
  process.kill(broker.pid, "SIGHUP");
  await until("that the broker has read it", async () => (await connect("gw-000002", old)).code === 1, 60_000);
  // Who was connected is so still, until somebody comes with its ClientID on the listener of the NOC.
  await until("an answer over the connection that stands", async () => (await ping()) === 0, 60_000);
  const operator = ["-h", "127.0.0.1", "-p", String(nocPort), "--cafile", join(ca, "ca.pem")];
  operator.push("--cert", join(ca, "noc-cli.crt"), "--key", join(ca, "noc-cli.key"), "-q", "1");
  const wake = ["-i", "gw-000001", "-t", "cg/v1/_noc/state", "-m", '{"v":1,"online":true}'];
  await runPeer(t, findPeer("mosquitto_pub"), [...operator, ...wake]);
  await until("that it does not answer any more", async () => (await ping()) === 7, 60_000);
  for (const [name, from] of [
    ["gw-000001", ca],
    ["gw-000002", old],
  ] as const) {
    const { code, text } = await connect(name, from);
    assert.equal(code, 1);
    assert.match(text, /TLS: .*certificate revoked/i);
  }
  assert.equal((await connect("gw-000002")).code, 0);
  assert.equal((await connect("gw-000003")).code, 0);

  const kept = async (): Promise<string> => {
    const topics = ["-t", "cg/v1/acme/+/up/#", "-t", "cg/v1/acme/+/dn/#", "-F", "%r %t"];
    const mark = "cg/v1/acme/mark/dn/cmd";
    const seen = startPeer(t, findPeer("stdbuf"), ["-oL", findPeer("mosquitto_sub").file, ...operator, ...topics]);
    // What the broker keeps comes before what is said later; nobody tells when it listens.
    await until("the mark", async () => {
      await runPeer(t, findPeer("mosquitto_pub"), [...operator, "-t", mark, "-m", "here"]);
      return seen.stdout.toString("utf8").includes(`0 ${mark}\n`);
    });
    await seen.kill();
    return seen.stdout.toString("utf8");
  };
  const before = await kept();
  for (const topic of ["up/state", "up/info", "up/cfg", "dn/cfg"]) assert.ok(before.includes(`1 cg/v1/acme/gw-000001/${topic}\n`), before);
  const gone = await run(noc, "enrol", "decommission", "gw-000001");
  assert.equal(gone.code, 0, gone.lines.join("\n"));
  // Nobody told the broker that it went: mosquitto keeps the will of a session that another client takes over to itself.
  assert.match(gone.lines.at(-1)!, /^the last that gw-000001 said is that it is connected/);
  const after = await kept();
  assert.doesNotMatch(after, /^1 \S+gw-000001/m);
  assert.match(after, /^1 \S+gw-000002\/up\/state$/m);
});

test("certificates are replaced; what cannot be is said", { skip: openssl.missing }, async (t) => {
  const root = await temporaryFolder(t);
  const env = { CAMGATE_NOC_DIRECTORY: root, CAMGATE_NOC_TENANT: "acme" };
  const fault = async (...words: readonly string[]): Promise<string> => {
    const { code, lines } = await run(env, "enrol", ...words);
    assert.equal(code, 1, words.join(" "));
    return lines.join("\n");
  };
  assert.match(await fault(), /^enrol: ca, broker, receiver, operator/);
  assert.match(await fault("gateway", "gw-0001"), /there is no CA in .*: camgate noc enrol ca/);
  for (const url of ["https://noc.test/ca.crl", "http://noc.test/a b", "http://x\nbasicConstraints = CA:true"])
    assert.match(await fault("ca", "--crl-url", url), /^--crl-url: '.* is no http:\/\/ URL/s);
  await run(env, "enrol", "ca", "--crl-url", "http://noc.test/ca.crl");
  assert.match(await fault("ca"), /there is a CA already/);
  assert.match(await fault("gateway", "../x"), /gateway: '..\/x' has to be/);
  assert.match(await fault("operator", "a/CN=b"), /is no name for a certificate/);
  assert.match(await fault("broker"), /name or address of the broker is missing/);
  assert.match(await fault("broker", "a,DNS:b"), /is no name for a certificate/);
  assert.match(await fault("gateway", "gw-0001", "--csr", join(root, "none")), /--csr: there is no file/);
  assert.match(await fault("decommission", "gw-0001", "--home-assistant", "#"), /--home-assistant: '#' is no prefix/);
  await writeFile(join(root, "bad.csr"), "no request");
  assert.match(await fault("gateway", "gw-0001", "--csr", join(root, "bad.csr")), /--csr: .*bad.csr is no request for a certificate/);

  // The key stays where it was made; the name is ours.
  await runPeer(t, openssl, [
    "req",
    "-new",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-keyout",
    join(root, "device.key"),
    "-subj",
    "/CN=somebody-else",
    "-out",
    join(root, "device.csr"),
  ]);
  assert.equal((await run(env, "enrol", "gateway", "gw-0001", "--csr", join(root, "device.csr"))).code, 0);
  const first = new X509Certificate(await readFile(join(root, "ca", "gw-0001.crt")));
  assert.equal(first.subject, "CN=gw-0001");
  const printed = await runPeer(t, openssl, ["x509", "-in", join(root, "ca", "gw-0001.crt"), "-noout", "-text"]);
  assert.match(printed.stdout.toString(), /CRL Distribution Points:[\s\S]*URI:http:\/\/noc\.test\/ca\.crl/);
  assert.match(await fault("gateway", "gw-0001"), /has a certificate already/);
  assert.match((await run(env, "enrol", "replace", "gw-0001")).lines[0]!, /^revoked: 1 older certificate\. Bring /);
  const second = new X509Certificate(await readFile(join(root, "ca", "gw-0001.crt")));
  assert.notEqual(second.serialNumber, first.serialNumber);
  const { stdout } = await runPeer(t, openssl, ["crl", "-in", join(root, "ca", "ca.crl"), "-noout", "-text"]);
  assert.ok(stdout.toString().includes(`Serial Number: ${first.serialNumber}`) && !stdout.toString().includes(second.serialNumber));
  assert.match((await run(env, "enrol", "revoke", "gw-0001")).lines[0]!, /^revoked: 1 certificate of gw-0001\. Give /);
});
