// Limits for offers, servers that clients are told of, addresses, and streams that cannot be sent.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { collectedLog } from "#testing/collected-log.ts";
import { syntheticAudioTrack, syntheticTrack } from "#testing/synthetic-track.ts";
import { BFrameWatch } from "./b-frame-watch.ts";
import { addressTowards, hostAddresses } from "./host-addresses.ts";
import { endpointOf } from "./http-handler.ts";
import { iceServerLinks } from "./ice-servers.ts";
import { OfferLimits } from "./offer-limits.ts";

const LIMITS = { perSecond: 5, burst: 8, halfOpen: 32, halfOpenPerAddress: 6 };

test("offers of one address: a burst, then so many a second; others do not feel it", () => {
  let us = 0;
  const limits = new OfferLimits({ ...LIMITS, halfOpenPerAddress: 100 }, () => us);
  for (let i = 0; i < 8; i++) limits.admit("192.0.2.1")();
  assert.throws(() => limits.admit("192.0.2.1"), { status: 429, message: "too many offers: 5 a second are taken from one address" });
  limits.admit("192.0.2.2")();
  us += 1_000_000;
  for (let i = 0; i < 5; i++) limits.admit("192.0.2.1")();
  assert.throws(() => limits.admit("192.0.2.1"), { status: 429 });
  assert.equal(limits.refused, 2);
});

test("sessions that wait for their client: so many of one address, so many in all", () => {
  const limits = new OfferLimits({ ...LIMITS, perSecond: 1000, burst: 1000 }, () => 0);
  const settles = Array.from({ length: 6 }, () => limits.admit("192.0.2.1"));
  assert.throws(() => limits.admit("192.0.2.1"), { status: 503 });
  settles[0]!();
  settles[0]!(); // twice counts once
  limits.admit("192.0.2.1");
  assert.throws(() => limits.admit("192.0.2.1"), { status: 503 });
  for (let i = 0; i < 26; i++) limits.admit(`192.0.3.${i}`);
  assert.throws(() => limits.admit("192.0.4.1"), { status: 503 });
});

test("one household's IPv6 addresses are one", () => {
  const limits = new OfferLimits({ ...LIMITS, burst: 1 }, () => 0);
  limits.admit("2001:db8:1:2::1");
  assert.throws(() => limits.admit("2001:db8:1:2:aaaa::9"), { status: 429 });
  limits.admit("2001:db8:1:3::1");
});

test("ICE servers as Link headers; a shared secret becomes credentials that expire", () => {
  const nowMs = Date.UTC(2026, 0, 1);
  const [stun, turn, timed] = iceServerLinks(
    [
      { url: "stun:stun.example:3478", username: "", password: "" },
      { url: "turn:turn.example:3478?transport=udp", username: 'us"er', password: "pa\\ss\r\nX: y" },
      { url: "turns:turn.example:5349", username: "AUTH_SECRET", password: "s3cret" },
    ],
    nowMs,
  );
  assert.equal(stun, '<stun:stun.example:3478>; rel="ice-server"');
  assert.equal(
    turn,
    '<turn:turn.example:3478?transport=udp>; rel="ice-server"; username="us\\"er"; credential="pa\\\\ssX: y"; credential-type="password"',
  );
  const [, username, credential] = /username="(\d+:[0-9a-f]{16})"; credential="([^"]+)"; credential-type="password"$/.exec(timed!)!;
  assert.equal(Number(username!.split(":")[0]), nowMs / 1000 + 86_400);
  assert.equal(credential, createHmac("sha1", "s3cret").update(username!).digest("base64"));
});

test("addresses that clients are told: configured ones first, names resolved, what is not found left out", async () => {
  const log = collectedLog();
  const options = { fromInterfaces: true, interfaces: [], bound: "127.0.0.1", log };
  const additional = ["192.168.50.55", "localhost", "192.168.50.55", "no-such-host.invalid"];
  assert.deepEqual(await hostAddresses({ ...options, additional }), ["192.168.50.55", "127.0.0.1", "::1"]);
  assert.match(log.lines.join("\n"), /webrtcAdditionalHosts: 'no-such-host\.invalid' has no address/);
  assert.deepEqual(await hostAddresses({ ...options, fromInterfaces: false, additional: ["192.0.2.1"] }), ["192.0.2.1"]);
  const every = await hostAddresses({ ...options, bound: undefined, additional: [] });
  assert.ok(every.includes("127.0.0.1") && every.every((address) => !address.startsWith("fe80")), String(every));
  assert.deepEqual(await hostAddresses({ ...options, bound: undefined, interfaces: ["none"], additional: [] }), []);
});

test("the address that a peer sees", () => {
  assert.equal(addressTowards("192.0.2.1", "10.0.0.1"), "10.0.0.1");
  assert.equal(addressTowards("127.0.0.9", undefined), "127.0.0.1");
});

test("endpoints by their path", () => {
  assert.deepEqual(endpointOf("/cam/sub/whep"), { path: "cam/sub", protocol: "whep", secret: undefined });
  assert.deepEqual(endpointOf("/a%2Fb/whip/x"), { path: "a/b", protocol: "whip", secret: "x" });
  assert.deepEqual(endpointOf("/a/whep/"), { path: "a", protocol: "whep", secret: "" });
  assert.deepEqual(endpointOf("/%zz/whep"), { path: "%zz", protocol: "whep", secret: undefined });
  for (const path of ["/", "/whep", "/a", "/a/whepx", "/a/whep/b/c"]) assert.equal(endpointOf(path), undefined, path);
});

test("B-frames show in the times; a clock that was mended once is no B-frame", () => {
  const track = syntheticTrack();
  const unit = (ptsTicks: number) => ({ track, ptsTicks, captureUs: 0, keyframe: false, damaged: false });
  const watch = new BFrameWatch();
  const seen = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10].map((pts) => watch.sees(unit(pts)));
  assert.deepEqual(seen.indexOf(true), 11);
  const mended = new BFrameWatch();
  for (let frame = 0; frame < 1000; frame++) assert.equal(mended.sees(unit(frame % 100 === 0 ? frame - 5 : frame)), false);
  const sound = new BFrameWatch();
  for (let i = 0; i < 10; i++) assert.equal(sound.sees({ ...unit(-i), track: syntheticAudioTrack() }), false);
});
