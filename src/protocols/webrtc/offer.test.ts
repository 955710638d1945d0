import assert from "node:assert/strict";
import { test } from "node:test";
import { BROWSER_OFFER } from "#testing/browser-offer.ts";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { NO_MEDIA, type Offer, type OfferFault, parseOffer } from "./offer.ts";

function offerOf(text: string): Offer {
  const offer = parseOffer(text);
  assert.ok(!("fault" in offer), "fault" in offer ? offer.fault : "");
  return offer;
}

function faultOf(text: string): string {
  return (parseOffer(text) as OfferFault).fault;
}

test("a browser's offer", () => {
  const offer = offerOf(BROWSER_OFFER);
  assert.deepEqual(offer.credentials, { ufrag: "aB3+", password: "cD4/cD4/cD4/cD4/cD4/cD4/" });
  assert.equal(offer.bundles, true);
  assert.deepEqual(
    offer.fingerprints.map(({ algorithm, digest }) => [algorithm, digest.toString("hex")]),
    [["sha-256", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"]],
  );
  assert.deepEqual(
    offer.medias.map(({ kind, mid, usable, direction }) => [kind, mid, usable, direction]),
    [
      ["video", "0", true, "recvonly"],
      ["audio", "1", true, "recvonly"],
      ["application", "2", false, "sendrecv"],
    ],
  );
  assert.deepEqual(offer.medias[0]!.feedback.get(102), ["goog-remb", "ccm fir", "nack", "nack pli"]);
});

test("what an offer must have: each fault has its words", () => {
  const without = (pattern: RegExp): string => BROWSER_OFFER.replace(pattern, "");
  assert.equal(faultOf(""), "the body is no SDP offer");
  assert.equal(faultOf("<html>"), "the body is no SDP offer");
  assert.equal(faultOf(BROWSER_OFFER.split("m=", 1)[0]!), NO_MEDIA);
  assert.match(faultOf(without(/a=ice-ufrag:.*\r\n/g)), /ice-ufrag/);
  assert.match(faultOf(BROWSER_OFFER.replace(/a=ice-pwd:.*\r\n/g, "a=ice-pwd:short\r\n")), /ice-pwd/);
  assert.match(faultOf(without(/a=fingerprint:.*\r\n/g)), /a=fingerprint/);
  assert.match(faultOf(BROWSER_OFFER.replaceAll("sha-256 00", "sha-1 00")), /a=fingerprint/);
  assert.match(faultOf(BROWSER_OFFER.replaceAll("a=setup:actpass", "a=setup:passive")), /a=setup:passive/);
  assert.match(faultOf(without(/a=rtcp-mux\r\n/g)), /rtcp-mux/);
});

test("what is not bundled is not used; without a bundle it is the first media alone", () => {
  const usable = (text: string): boolean[] => offerOf(text).medias.map((media) => media.usable);
  assert.deepEqual(usable(BROWSER_OFFER.replace("BUNDLE 0 1 2", "BUNDLE 1")), [false, true, false]);
  assert.deepEqual(usable(BROWSER_OFFER.replace("a=group:BUNDLE 0 1 2\r\n", "")), [true, false, false]);
  assert.deepEqual(usable(BROWSER_OFFER.replace("m=video 9", "m=video 0")), [false, true, false]);
});

test("credentials and fingerprint of the session count where the media has none", () => {
  const lines = BROWSER_OFFER.split("\r\n");
  const moved = lines.filter((line) => /^a=(ice-ufrag|ice-pwd|fingerprint)/.test(line)).slice(0, 3);
  const rest = lines.filter((line) => !/^a=(ice-ufrag|ice-pwd|fingerprint)/.test(line));
  rest.splice(4, 0, ...moved);
  assert.deepEqual(offerOf(rest.join("\r\n")).credentials, offerOf(BROWSER_OFFER).credentials);
});

test("mutation: nothing throws, and what is read keeps its limits", () => {
  const random = fuzzRandom(2);
  const seed = Buffer.from(BROWSER_OFFER);
  let offers = 0;
  for (let round = fuzzRounds(1500); round > 0; round--) {
    const offer = parseOffer(mutate(seed, random).toString("latin1"));
    if ("fault" in offer) continue;
    offers++;
    assert.ok(offer.credentials.ufrag.length <= 256 && offer.credentials.password.length <= 256);
    assert.ok(offer.medias.length <= 16 && offer.medias.every(({ ssrcs, mid }) => ssrcs.length <= 32 && mid.length <= 64));
  }
  assert.ok(offers > 100, String(offers));
});
