// Servers that are no WHEP servers, or bad ones: each attempt ends with the fault that decides about the next, says why, and leaves nothing behind.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import { PeerFault, type PeerFaultCode } from "#base/errors.ts";
import type { SourceState } from "#relay/source.ts";
import { type HttpService, type ServiceCall, startHttpService } from "#testing/http-service.ts";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { until } from "#testing/peers/until.ts";
import { PublishedPath } from "#testing/published-path.ts";
import { startSite } from "#testing/rtsp-site.ts";
import { makeSelfSigned } from "#testing/self-signed.ts";
import { startWebRtcSite } from "#testing/webrtc-site.ts";
import { type WhepPullOptions, whepPulled, whepSource } from "#testing/whep-pull.ts";
import { parseAnswer } from "./client-answer.ts";
import { PULL_OFFER } from "./pull-offer.ts";

const FINGERPRINT = `sha-256 ${Array.from({ length: 32 }, () => "AB").join(":")}`;
const TRANSPORT = ["a=ice-ufrag:abcd", "a=ice-pwd:0123456789012345678901", `a=fingerprint:${FINGERPRINT}`, "a=setup:passive", "a=rtcp-mux"];

function answerOf({
  media = ["a=sendonly", "a=rtpmap:105 H264/90000"],
  transport = TRANSPORT,
  port = 9,
  candidates = [] as string[],
} = {}) {
  const session = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0"];
  const video = [`m=video ${port} UDP/TLS/RTP/SAVPF 105`, "c=IN IP4 0.0.0.0", "a=mid:0", ...media, ...transport];
  const declined = ["m=audio 0 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=mid:1", "a=inactive"];
  return [...session, ...video, ...candidates.map((one) => `a=candidate:${one}`), ...declined, ""].join("\r\n");
}

type Answer = (call: ServiceCall, response: ServerResponse) => void;

function created(sdp: string, headers: Record<string, string> = {}): Answer {
  return (call, response) => {
    if (call.method !== "POST") response.writeHead(200).end();
    else response.writeHead(201, { "Content-Type": "application/sdp", Location: "/cam/whep/secret", ...headers }).end(sdp);
  };
}

async function serve(t: TestContext, answer: Answer, tls?: { key: Buffer; cert: Buffer }): Promise<HttpService> {
  const service = await startHttpService(answer, tls);
  t.after(() => service.close());
  return service;
}

/** One attempt, to its end. */
async function attempt(url: string, options: WhepPullOptions = {}, signal = new AbortController().signal) {
  const states: SourceState[] = [];
  const sink = { ready: () => () => {}, state: (state: SourceState) => void states.push(state) };
  const fault = await whepSource(url.replace("http", "whep"), options)
    .run(sink, signal)
    .then(
      () => assert.fail("it ended without a fault"),
      (error: unknown) => error,
    );
  assert.ok(fault instanceof PeerFault, String(fault));
  return { fault, states };
}

const REFUSALS: readonly (readonly [what: string, answer: Answer, code: PeerFaultCode, text: RegExp])[] = [
  ["401", (_, response) => response.writeHead(401).end(), "auth", /answered 401/],
  ["403", (_, response) => response.writeHead(403).end(), "auth", /answered 403/],
  [
    "404 with a reason",
    (_, response) => response.writeHead(404, { "Content-Type": "application/json" }).end('{"status":"error","error":"no stream\\nhere"}'),
    "not-found",
    /answered 404: no stream here$/,
  ],
  ["404 with a page", (_, response) => response.writeHead(404, { "Content-Type": "text/html" }).end("<h1>"), "not-found", /answered 404$/],
  ["406", (_, response) => response.writeHead(406).end(), "unsupported", /406/],
  ["503", (_, response) => response.writeHead(503, { "Content-Type": "text/plain" }).end("full"), "busy", /503: full/],
  ["500", (_, response) => response.writeHead(500).end(), "protocol", /500/],
  ["200", (_, response) => response.writeHead(200).end("hello"), "protocol", /answered 200/],
  ["no HTTP", (_, response) => void response.socket!.end("SSH-2.0-x\r\n"), "connect", /./],
  ["nothing at all", (_, response) => void response.socket!.destroy(), "connect", /./],
  ["no SDP type", created("v=0", { "Content-Type": "text/html; charset=x" }), "protocol", /text\/html, not application\/sdp/],
  ["no SDP", created("<html>"), "protocol", /no SDP/],
  ["an empty answer", created(""), "protocol", /no SDP/],
  ["an answer without end", created(`v=0\r\n${"a=x\r\n".repeat(60_000)}`), "limit", /longer than 131072 bytes/],
  ["a Location that is no URL", created(answerOf(), { Location: "ftp://x/" }), "protocol", /Location is no HTTP URL/],
  ["everything declined", created(answerOf({ port: 0 })), "protocol", /none of the offered media/],
  ["media that only receives", created(answerOf({ media: ["a=recvonly", "a=rtpmap:105 H264/90000"] })), "protocol", /none of the offered/],
  ["no ICE", created(answerOf({ transport: TRANSPORT.slice(2) })), "protocol", /ice-ufrag/],
  ["no fingerprint", created(answerOf({ transport: [...TRANSPORT.slice(0, 2), "a=setup:passive"] })), "protocol", /fingerprint/],
  ["no role", created(answerOf({ transport: [...TRANSPORT.slice(0, 3), "a=setup:actpass"] })), "protocol", /a=setup:actpass/],
  ["no candidate that can be used", created(answerOf({ candidates: ["1 1 tcp 9 127.0.0.1 9 typ host"] })), "unsupported", /no candidate/],
];

for (const [what, answer, code, text] of REFUSALS) {
  test(`${what}: ${code}`, async (t) => {
    const service = await serve(t, answer);
    const { fault } = await attempt(`${service.url}/cam/whep`, { handshakeTimeoutMs: 200 });
    assert.deepEqual([fault.code, text.test(fault.message)], [code, true], fault.message);
  });
}

test("nobody is there: connect", async (t) => {
  const service = await serve(t, () => {});
  await service.close();
  assert.equal((await attempt(`${service.url}/cam/whep`)).fault.code, "connect");
});

test("what is no URL of WHEP: config", async () => {
  assert.equal((await attempt("rtsp://127.0.0.1/cam")).fault.code, "config");
});

test("a server that never answers is given up after the read timeout", async (t) => {
  const service = await serve(t, () => {});
  const { fault } = await attempt(`${service.url}/cam/whep`, { readTimeoutMs: 200 });
  assert.deepEqual([fault.code, fault.message], ["connect", "no answer within 0.2 s"]);
});

test("a server whose UDP nobody answers: timeout, and its session is ended", async (t) => {
  const candidates = ["1 1 udp 2130706431 127.0.0.1 9 typ host", "2 1 udp 2130706430 192.0.2.1 9 typ host"];
  const service = await serve(t, created(answerOf({ candidates })));
  const { fault, states } = await attempt(`${service.url}/cam/whep`, { handshakeTimeoutMs: 300 });
  assert.equal(fault.code, "timeout");
  assert.match(fault.message, /none of the server's 2 UDP addresses answered/);
  assert.deepEqual(states, ["probing"]);
  assert.deepEqual(
    service.calls.map(({ method, path }) => `${method} ${path}`),
    ["OPTIONS /cam/whep", "POST /cam/whep", "DELETE /cam/whep/secret"],
  );
});

test("redirects are followed, and credentials are for the server of the config alone", async (t) => {
  const other = await serve(t, created("<html>"));
  const first = await serve(t, (call, response) => {
    if (call.method === "OPTIONS") response.writeHead(405).end();
    else if (call.path === "/cam/whep") response.writeHead(307, { Location: "/moved/whep" }).end();
    else response.writeHead(308, { Location: `${other.url}/else/whep` }).end();
  });
  const { fault } = await attempt(`${first.url.replace("http://", "http://user:p%40ss@")}/cam/whep`);
  assert.match(fault.message, /no SDP/);
  const authorization = ({ calls }: HttpService) => calls.map(({ headers }) => headers.authorization);
  const basic = `Basic ${Buffer.from("user:p@ss").toString("base64")}`;
  assert.deepEqual(authorization(first), [basic, basic, basic]);
  assert.deepEqual(authorization(other), [undefined, undefined]); // POST, DELETE
  const loop = await serve(t, (_, response) => void response.writeHead(307, { Location: "/cam/whep" }).end());
  assert.match((await attempt(`${loop.url}/cam/whep`)).fault.message, /answered 307/);
});

test("a bearer token is sent, and not when there is none", async (t) => {
  const service = await serve(t, (_, response) => void response.writeHead(401).end());
  await attempt(`${service.url}/cam/whep`, { bearerToken: "t0ken" });
  assert.deepEqual(
    service.calls.map(({ headers }) => headers.authorization),
    ["Bearer t0ken", "Bearer t0ken"],
  );
});

test("a certificate that is not the one of the config: nothing is sent", async (t) => {
  const mine = makeSelfSigned();
  const service = await serve(t, created(answerOf()), makeSelfSigned());
  for (const fingerprint of [mine.fingerprint, ""]) {
    const { fault } = await attempt(`${service.url}/cam/whep`, { fingerprint, bearerToken: "t0ken" });
    assert.equal(fault.code, "connect");
    assert.match(fault.message, /fingerprint/);
  }
  assert.equal(service.calls.length, 0);
});

test("ended on request, at whatever step", async (t) => {
  for (const calls of [1, 2]) {
    const service = await serve(t, (call, response) => {
      if (calls === 2 && call.method === "OPTIONS") response.writeHead(204).end();
    });
    const abort = new AbortController();
    const ended = attempt(`${service.url}/cam/whep`, {}, abort.signal);
    await service.received(calls);
    abort.abort();
    assert.equal((await ended).fault.code, "aborted");
  }
  const answered = await serve(t, created(answerOf({ candidates: ["1 1 udp 1 127.0.0.1 9 typ host"] })));
  const abort = new AbortController();
  const ended = attempt(`${answered.url}/cam/whep`, {}, abort.signal);
  await answered.received(2);
  abort.abort();
  assert.equal((await ended).fault.code, "aborted");
});

test("a DTLS server with another certificate than its answer's is refused", async (t) => {
  const origin = await startWebRtcSite();
  t.after(() => origin.close());
  const path = await PublishedPath.open(origin.registry, "cam");
  path.frame();
  // Somebody in the middle of the signalling changes the fingerprint.
  const post = async (offer: string): Promise<string> => {
    const answer = await fetch(origin.whep("cam"), { method: "POST", headers: { "Content-Type": "application/sdp" }, body: offer });
    return (await answer.text()).replace(/a=fingerprint:.*/g, `a=fingerprint:${FINGERPRINT}`);
  };
  const middle = await serve(t, (call, response) => {
    if (call.method !== "POST") response.writeHead(204).end();
    else void post(call.body).then((sdp) => response.writeHead(201, { "Content-Type": "application/sdp", Location: "/x" }).end(sdp));
  });
  const { fault } = await attempt(`${middle.url}/cam/whep`);
  assert.deepEqual([fault.code, fault.message], ["protocol", "the server's certificate is not the one of its answer (a=fingerprint)"]);
});

test("no media within the time that tracks are waited for: stalled", async (t) => {
  const origin = await startWebRtcSite();
  t.after(() => origin.close());
  const path = await PublishedPath.open(origin.registry, "cam");
  const { fault } = await attempt(origin.whep("cam"), { trackGatherTimeoutMs: 200 });
  assert.deepEqual([fault.code, fault.message], ["stalled", "no media came within 0.2 s"]);
  path.close();
});

test("media that stops is a stall, and the path tries again", async (t) => {
  const origin = await startWebRtcSite();
  t.after(() => origin.close());
  const path = await PublishedPath.open(origin.registry, "cam");
  const url = origin.whep("cam").replace("http:", "whep:");
  const copy = await startSite({ paths: { copy: { source: whepPulled(url, { readTimeoutMs: 300 }) } } });
  t.after(() => copy.close());
  const snapshot = () => copy.registry.get("copy")!.snapshot();
  await until("it is there", () => {
    path.frame();
    return copy.registry.get("copy")?.state === "available";
  });
  await until("a stall", () => snapshot().lastError?.startsWith("no media for") === true);
  await until("it is there again", () => {
    path.frame();
    return copy.registry.get("copy")?.state === "available";
  });
});

test("damaged answers", () => {
  const random = fuzzRandom(11);
  const whole = Buffer.from(answerOf({ candidates: ["1 1 udp 2130706431 127.0.0.1 9 typ host", "2 1 UDP 5 ::1 65535 typ host"] }));
  assert.notEqual(typeof parseAnswer(whole.toString(), PULL_OFFER), "string");
  let understood = 0;
  for (let round = fuzzRounds(5000); round > 0; round--) {
    const answer = parseAnswer(mutate(whole, random).toString("latin1"), PULL_OFFER);
    if (typeof answer === "string") continue;
    understood++;
    assert.ok(answer.medias.length > 0 && answer.medias.length <= PULL_OFFER.length);
    for (const { address, port, priority } of answer.candidates) assert.ok(address !== "" && port > 0 && port < 65_536 && priority >= 0);
    for (const { algorithm, digest } of answer.fingerprints) assert.ok(/^sha-/.test(algorithm) && digest.length >= 32);
  }
  assert.ok(understood > 0);
});
