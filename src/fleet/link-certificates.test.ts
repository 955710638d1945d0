// A certificate's way over the link: asked for, offered, tried, kept or given up; with power cuts, and with whatever else comes in its place.
import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { test } from "node:test";
import type { CallerFault } from "#base/errors.ts";
import { silentLog } from "#base/log.ts";
import { FaultFs } from "#testing/fault-fs.ts";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { makeSelfSigned, type SelfSigned, type SelfSignedOptions } from "#testing/self-signed.ts";
import { parseCertificates } from "./certificate-check.ts";
import type { CommandFault } from "./command-fault.ts";
import { ConnectionLoss } from "./connection-loss.ts";
import type { LinkCredentials } from "./fleet-link.ts";
import { LinkCertificates } from "./link-certificates.ts";

const PATH = "/data/fleet/certificate.json";
const NAME = "gw-0001";
const NOW_MS = Date.UTC(2026, 10, 30);
const authority = makeSelfSigned({ name: "NOC CA", isAuthority: true });
const stranger = makeSelfSigned({ name: "Other CA", isAuthority: true });
const first = makeSelfSigned({ name: NAME, issuer: authority });
const files: LinkCredentials = { username: "u", tls: { ca: authority.cert, cert: first.cert, key: first.key } };
const refused = new ConnectionLoss("auth", "TLS: unknown ca");
const away = new ConnectionLoss("link", "nothing listens there");

async function dataFs(): Promise<FaultFs> {
  const fs = new FaultFs();
  await fs.makeFolder("/data");
  await fs.makeFolder("/data/fleet");
  for (const folder of ["/", "/data", "/data/fleet"]) await fs.syncFolder(folder);
  return fs;
}

const open = (fs: FaultFs): Promise<LinkCertificates> => LinkCertificates.open({ fs, path: PATH, log: silentLog });
const serialOf = ({ tls }: LinkCredentials): string => new X509Certificate(tls.cert!).serialNumber;

/** Issues for the key of the request that is kept: what is in the request is openssl's test. */
async function issued(fs: FaultFs, options: SelfSignedOptions = {}): Promise<SelfSigned> {
  const { requested } = JSON.parse(fs.bytesOf(PATH)!.toString("utf8")) as { readonly requested: { readonly key: string } };
  return makeSelfSigned({ name: NAME, issuer: authority, key: requested.key, ...options });
}

async function siteWithRequest() {
  const fs = await dataFs();
  const certificates = await open(fs);
  await certificates.credentials(files);
  const csr = await certificates.request(NAME);
  assert.match(csr, /^-----BEGIN CERTIFICATE REQUEST-----\n/);
  return { fs, certificates };
}

test("one that a broker takes is shown from then on, over restarts, until the files change", async () => {
  const { fs, certificates } = await siteWithRequest();
  assert.equal(serialOf(await certificates.credentials(files)), new X509Certificate(first.cert).serialNumber);
  const pair = await issued(fs);
  const { taken } = await certificates.offer(String(pair.cert), NOW_MS);
  const tried = await certificates.credentials(files);
  assert.deepEqual([tried.username, String(tried.tls.ca)], ["u", String(authority.cert)]);
  assert.ok(new X509Certificate(tried.tls.cert!).checkPrivateKey(createPrivateKey(tried.tls.key!)));
  const before = new X509Certificate(first.cert).serialNumber;
  assert.equal(serialOf(certificates.settled(files)), before, "others are not shown what is being tried");
  certificates.onTaken();
  const serial = (await taken).serialNumber;
  assert.deepEqual([serialOf(tried), serialOf(certificates.settled(files))], [serial, serial]);
  assert.equal(certificates.shown?.serialNumber, serial);
  certificates.onTaken(); // with each birth
  await certificates.saved();
  const after = await open(fs);
  assert.equal(serialOf(await after.credentials(files)), serial);
  const other = makeSelfSigned({ name: NAME, issuer: authority });
  const replaced = { ...files, tls: { ...files.tls, cert: other.cert, key: other.key } };
  assert.equal(serialOf(after.settled(replaced)), new X509Certificate(other.cert).serialNumber);
  assert.equal(serialOf(await after.credentials(replaced)), new X509Certificate(other.cert).serialNumber);
  assert.equal(
    serialOf(await after.credentials(files)),
    new X509Certificate(first.cert).serialNumber,
    "what was renewed is forgotten by then",
  );
});

test("one that brokers refuse gives way to the one before", async () => {
  for (const losses of [[refused], [away, away, away]]) {
    const { fs, certificates } = await siteWithRequest();
    const { taken } = await certificates.offer(String((await issued(fs)).cert), NOW_MS);
    const before = new X509Certificate(first.cert).serialNumber;
    for (const [i, loss] of losses.entries()) {
      assert.notEqual(serialOf(await certificates.credentials(files)), before);
      assert.equal(certificates.onRefused(loss), i === losses.length - 1);
    }
    await assert.rejects(taken, /no connection with the new certificate: (?:TLS: unknown ca|nothing listens there)/);
    assert.equal(serialOf(await certificates.credentials(files)), before);
    assert.equal(certificates.onRefused(refused), false, "the old one has no other");
    await certificates.saved();
    assert.equal(serialOf(await (await open(fs)).credentials(files)), before);
    await certificates.request(NAME); // and another one may be asked for
  }
});

test("a link that was lost just then shows it before it is on the medium: whoever asked is told all the same", async () => {
  for (const end of ["taken", "refused"] as const) {
    const { fs, certificates } = await siteWithRequest();
    const pem = String((await issued(fs)).cert);
    const { reached, release } = fs.stallNext(({ kind }) => kind === "write");
    const offered = certificates.offer(pem, NOW_MS);
    await reached;
    assert.equal(serialOf(await certificates.credentials(files)), new X509Certificate(pem).serialNumber);
    if (end === "taken") certificates.onTaken();
    else certificates.onRefused(refused);
    release();
    const told = (await offered).taken.then(({ serialNumber }) => serialNumber, String);
    assert.match(
      await told,
      end === "taken" ? new RegExp(new X509Certificate(pem).serialNumber) : /no connection with the new certificate/,
    );
  }
});

test("cut off while it is tried: it is tried again after the start, and given up if need be", async () => {
  const { fs, certificates } = await siteWithRequest();
  await certificates.offer(String((await issued(fs)).cert), NOW_MS);
  await certificates.credentials(files);
  const again = await open(fs.crash(3));
  const before = new X509Certificate(first.cert).serialNumber;
  assert.notEqual(serialOf(await again.credentials(files)), before);
  assert.equal(again.onRefused(refused), true);
  assert.equal(serialOf(await again.credentials(files)), before);
});

test("who is told that it is taken may revoke the one before: no power cut after that, and no link that is away, comes back to it", async () => {
  const { fs, certificates } = await siteWithRequest();
  const { taken } = await certificates.offer(String((await issued(fs)).cert), NOW_MS);
  await certificates.credentials(files);
  certificates.onTaken();
  const serial = (await taken).serialNumber;
  const after = await open(fs.crash(4));
  for (let i = 0; i < 4; i++) {
    assert.equal(serialOf(await after.credentials(files)), serial);
    after.onRefused(away);
  }
});

test("one that is taken and cannot be kept is shown, and nobody is told that the one before may go", async () => {
  const { fs, certificates } = await siteWithRequest();
  const { taken } = await certificates.offer(String((await issued(fs)).cert), NOW_MS);
  const tried = await certificates.credentials(files);
  const mend = fs.failAll("EROFS");
  certificates.onTaken();
  await assert.rejects(taken, (fault: CommandFault) => fault.error.c === "E_IO" && /cannot be kept/.test(fault.message));
  mend();
  assert.equal(serialOf(await certificates.credentials(files)), serialOf(tried));
});

test("what cannot be read for a while is neither lost nor written over", async () => {
  const { fs, certificates } = await siteWithRequest();
  const { taken } = await certificates.offer(String((await issued(fs)).cert), NOW_MS);
  await certificates.credentials(files);
  certificates.onTaken();
  const serial = (await taken).serialNumber;
  const mend = fs.failAll("EIO", ({ kind, path }) => kind === "read" && path === PATH);
  const again = await open(fs);
  assert.equal(serialOf(await again.credentials(files)), new X509Certificate(first.cert).serialNumber);
  await assert.rejects(again.request(NAME), (fault: CommandFault) => fault.error.c === "E_IO");
  mend();
  assert.equal(serialOf(await again.credentials(files)), serial);
  assert.equal(again.shown?.serialNumber, serial);
});

test("what cannot be shown is refused with the reason, and nothing changes", async () => {
  const { fs, certificates } = await siteWithRequest();
  const day = 86_400_000;
  const faults: readonly [string | Promise<string>, RegExp][] = [
    ["", /holds no certificate in PEM/],
    ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", /holds no certificate in PEM/],
    [String(first.cert), /is for another key/],
    [issued(fs, { name: "gw-0002" }).then(({ cert }) => String(cert)), /is for 'gw-0002', not for 'gw-0001'/],
    [issued(fs, { isAuthority: true }).then(({ cert }) => String(cert)), /is one of an authority/],
    [issued(fs, { issuer: stranger }).then(({ cert }) => String(cert)), /nobody that mqtt.ca names/],
    [
      issued(fs, { issuer: makeSelfSigned({ name: "NOC CA", isAuthority: true }) }).then(({ cert }) => String(cert)),
      /nobody that mqtt.ca names/,
    ],
    [issued(fs, { notBefore: new Date(NOW_MS + day) }).then(({ cert }) => String(cert)), /which is not yet/],
    [issued(fs, { notAfter: new Date(NOW_MS - day) }).then(({ cert }) => String(cert)), /held until 2026-11-29/],
  ];
  for (const [pem, words] of faults) {
    await assert.rejects(
      certificates.offer(await pem, NOW_MS),
      (error: CallerFault) => error.field === "cert" && words.test(error.message),
    );
    assert.equal(serialOf(await certificates.credentials(files)), new X509Certificate(first.cert).serialNumber);
  }
  // Without a time nothing is too early or too late; the broker judges.
  const early = await issued(fs, { notBefore: new Date(NOW_MS + day) });
  await certificates.offer(String(early.cert), undefined);
  await assert.rejects(certificates.offer(String(early.cert), NOW_MS), /another one is being tried/);
});

test("one from whoever issued the present one does, where mqtt.ca knows other brokers alone", async () => {
  const { fs, certificates } = await siteWithRequest();
  await certificates.credentials({ ...files, tls: { ...files.tls, ca: stranger.cert } });
  await certificates.offer(String((await issued(fs)).cert), NOW_MS);
});

test("without files, without a request, and withdrawn", async () => {
  const certificates = await open(await dataFs());
  assert.deepEqual(await certificates.credentials({ tls: {} }), { tls: {} });
  await assert.rejects(certificates.request(NAME), /mqtt\.cert is not set/);
  await assert.rejects(certificates.offer(String(first.cert), NOW_MS), /no certificate was asked for/);
  const site = await siteWithRequest();
  const { taken } = await site.certificates.offer(String((await issued(site.fs)).cert), NOW_MS);
  await site.certificates.withdraw(new Error("cancelled"));
  await assert.rejects(taken, /cancelled/);
  assert.equal(serialOf(await site.certificates.credentials(files)), new X509Certificate(first.cert).serialNumber);
});

test("a power cut or a full disk at any call: one certificate or the other, each with its key", async () => {
  for (const fault of ["crash", "ENOSPC"] as const) {
    for (let n = 1; ; n++) {
      const { fs, certificates } = await siteWithRequest();
      const pair = await issued(fs);
      let calls = 0;
      fs.failAt(n, fault, () => ++calls > 0);
      try {
        await certificates.offer(String(pair.cert), NOW_MS);
        await certificates.credentials(files);
        certificates.onTaken();
        await certificates.saved();
      } catch {}
      const shown = await (await open(fs.crash(n))).credentials(files);
      const serial = serialOf(shown);
      assert.ok([new X509Certificate(first.cert), new X509Certificate(pair.cert)].some(({ serialNumber }) => serialNumber === serial));
      if (calls < n) break;
    }
  }
});

test("a file that holds anything is as none; no certificate makes the parser throw", async () => {
  const { fs, certificates } = await siteWithRequest();
  const { taken } = await certificates.offer(String((await issued(fs)).cert), NOW_MS);
  await certificates.credentials(files);
  certificates.onTaken();
  await taken;
  await certificates.saved();
  const good = fs.bytesOf(PATH)!;
  const random = fuzzRandom(0x6365_7274);
  for (let round = 0; round < fuzzRounds(200); round++) {
    const damaged = await dataFs();
    const file = await damaged.open(PATH, "create");
    await file.write([mutate(good, random)], 0);
    await file.close();
    const { tls } = await (await open(damaged)).credentials(files);
    assert.ok(parseCertificates(String(tls.cert))!.length > 0);
    parseCertificates(mutate(first.cert, random).toString("latin1"));
  }
});
