// The playback API over HTTP: order of checks, statuses, texts, headers, ranges.
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { deferred } from "#base/deferred.ts";
import { collectedLog } from "#testing/collected-log.ts";
import type { MemoryRun } from "#testing/memory-index.ts";
import { trackOf } from "#testing/mp4/tracks.ts";
import { readFragmentedFile, samplesOf } from "#testing/mp4/whole-file.ts";
import { until } from "#testing/peers/until.ts";
import { startPlaybackSite } from "#testing/playback-site.ts";
import { gateRun, NOON_US } from "#testing/recorded-clip.ts";

const SECOND_US = 1_000_000;
const gate = (more: Partial<Parameters<typeof gateRun>[0]> = {}): MemoryRun => gateRun({ startUtcUs: NOON_US, frames: [0, 300], ...more });

interface ErrorBody {
  readonly status: string;
  readonly error: string;
}

async function errorOf(response: Response, status: number): Promise<string> {
  assert.equal(response.status, status);
  const body = (await response.json()) as ErrorBody;
  assert.equal(body.status, "error");
  return body.error;
}

const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());
const timeAt = (seconds: number): string => new Date(NOON_US / 1000 + seconds * 1000).toISOString();

test("list: spans in order, with the URL that plays each", async (t) => {
  const later = gate({ startUtcUs: NOON_US + 60 * SECOND_US, frames: [0, 50], gapBefore: "power", timeQuality: "est", timeErrorMs: 250 });
  const site = await startPlaybackSite(t, { runs: { "site/cam": [gate(), later] } });
  const response = await fetch(`${site.origin}/list?path=site/cam`);
  assert.equal(response.headers.get("server"), "mediamtx");
  assert.equal(response.headers.get("content-type"), "application/json; charset=utf-8");
  const list = (await response.json()) as { start: string; url: string }[];
  const [first, second] = list;
  assert.deepEqual(Object.keys(first!), ["start", "duration", "url", "timeQuality"]);
  assert.equal(Date.parse(first!.start) * 1000, NOON_US);
  assert.deepEqual(list, [
    { start: first!.start, duration: 12, url: first!.url, timeQuality: "ntp" },
    { start: second!.start, duration: 2, url: second!.url, timeQuality: "est", timeErrorMs: 250 },
  ]);
  const query = `duration=12&path=site%2Fcam&start=${encodeURIComponent(first!.start)}`;
  assert.equal(first!.url, `${site.origin}/get?${query}`);
  const played = await bytesOf(await fetch(first!.url));
  assert.equal(samplesOf(readFragmentedFile(played)!.fragments, 0).length, 300);
});

test("list: clipped to the times that are given, 404 when nothing is left", async (t) => {
  const later = gate({ startUtcUs: NOON_US + 60 * SECOND_US, frames: [0, 50], gapBefore: "power" });
  const site = await startPlaybackSite(t, { runs: { cam: [gate(), later] } });
  const list = async (start: string, end: string) => await fetch(`${site.origin}/list?${new URLSearchParams({ path: "cam", start, end })}`);
  const clipped = (await (await list(timeAt(2.5), timeAt(61))).json()) as { start: string; duration: number }[];
  assert.deepEqual(
    clipped.map(({ start, duration }) => [Date.parse(start) / 1000 - NOON_US / SECOND_US, duration]),
    [
      [2.5, 9.5],
      [60, 1],
    ],
  );
  assert.equal(await errorOf(await list(timeAt(20), timeAt(50)), 404), "no recording segments found");
  assert.equal(await errorOf(await list(timeAt(100), ""), 404), "no recording segments found");
  assert.equal(await errorOf(await fetch(`${site.origin}/list?path=empty`), 404), "no recording segments found");
});

test("list: pages only where they are asked for", async (t) => {
  const runs = Array.from({ length: 5 }, (_, i) => gate({ startUtcUs: NOON_US + i * 100 * SECOND_US, frames: [0, 50], gapBefore: "off" }));
  const site = await startPlaybackSite(t, { runs: { cam: runs } });
  const page = async (query: string) => {
    const { itemCount, pageCount, items } = (await (await fetch(`${site.origin}/list?path=cam&${query}`)).json()) as {
      itemCount: number;
      pageCount: number;
      items: { start: string }[];
    };
    return [itemCount, pageCount, ...items.map(({ start }) => Date.parse(start) / 1000 - NOON_US / SECOND_US)];
  };
  assert.deepEqual(await page("itemsPerPage=2"), [5, 3, 0, 100]);
  assert.deepEqual(await page("itemsPerPage=2&page=2"), [5, 3, 400]);
  assert.deepEqual(await page("itemsPerPage=2&page=3"), [5, 3]);
  assert.deepEqual(await page("page=0"), [5, 1, 0, 100, 200, 300, 400]);
  for (const [query, text] of [
    ["itemsPerPage=0", "invalid items per page"],
    ["page=-1", "invalid page: '-1' is not a number from 0 to 2147483647"],
    ["itemsPerPage=2147483648", "invalid itemsPerPage: '2147483648' is not a number from 0 to 2147483647"],
  ] as const) {
    assert.equal(await errorOf(await fetch(`${site.origin}/list?path=cam&${query}`), 400), text);
  }
});

test("behind a trusted proxy URLs are those of the proxy", async (t) => {
  const site = await startPlaybackSite(t, { runs: { cam: [gate()] }, trustsProxy: (address) => address === "127.0.0.1" });
  const headers = { "x-forwarded-proto": "https", "x-forwarded-prefix": "/playback/", "x-forwarded-for": "192.0.2.7" };
  const list = (await (await fetch(`${site.origin}/list?path=cam`, { headers })).json()) as { url: string }[];
  assert.match(list[0]!.url, /^https:\/\/127\.0\.0\.1:\d+\/playback\/get\?duration=12&path=cam&start=/);
  assert.equal(site.asked[0]!.remote.address, "192.0.2.7");
});

test("each wrong parameter has its own text", async (t) => {
  const site = await startPlaybackSite(t, { runs: { cam: [gate()] } });
  const good = { path: "cam", start: timeAt(0), duration: "1" };
  const time = "is not a time like 2026-03-01T14:05:09.5+01:00 (RFC 3339)";
  const duration = "is not a number of seconds above 0, or a text like 1m30s";
  const cases: readonly (readonly [target: string, query: Record<string, string>, text: string])[] = [
    ["/list", { path: "../x" }, "invalid path name: bad characters (../x)"],
    ["/list", {}, "invalid path name: bad characters ()"],
    ["/list", { path: "other" }, "path 'other' is not configured"],
    ["/list", { path: "cam", start: "yesterday" }, `invalid start: 'yesterday' ${time}`],
    ["/list", { path: "cam", end: "2026-02-30T00:00:00Z" }, `invalid end: '2026-02-30T00:00:00Z' ${time}`],
    ["/get", { path: "cam", duration: "1" }, `invalid start: '' ${time}`],
    ["/get", { ...good, duration: "" }, `invalid duration: '' ${duration}`],
    ["/get", { ...good, duration: "-1" }, `invalid duration: '-1' ${duration}`],
    ["/get", { ...good, duration: "0" }, `invalid duration: '0' ${duration}`],
    ["/get", { ...good, duration: "1e999" }, `invalid duration: '1e999' ${duration}`],
    ["/get", { ...good, duration: "1d" }, `invalid duration: '1d' ${duration}`],
    ["/get", { ...good, format: "avi" }, "invalid format: 'avi' is none of fmp4, mp4"],
    ["/get", { ...good, gaps: "fill" }, "invalid gaps: 'fill' is none of stop, skip"],
    ["/get", { ...good, tracks: "audio" }, "invalid tracks: 'audio' is none of all, video"],
    ["/get", { ...good, download: "yes" }, "invalid download: 'yes' is none of 0, 1"],
    ["/get", { ...good, path: "other" }, "path 'other' is not configured"],
  ];
  for (const [target, query, text] of cases) {
    assert.equal(await errorOf(await fetch(`${site.origin}${target}?${new URLSearchParams(query)}`), 400), text);
  }
});

test("the order of checks is MediaMTX's", async (t) => {
  const site = await startPlaybackSite(t, {
    runs: { cam: [gate()] },
    authorize: async ({ path }) => {
      return path === "secret" ? { allowed: false, challenge: true, delayMs: 0, reason: "no" } : { allowed: true, user: "" };
    },
  });
  const textOf = async (target: string, status = 400) => await errorOf(await fetch(site.origin + target), status);
  assert.match(await textOf("/list?path=!&start=x"), /^invalid path name/);
  assert.equal(site.asked.length, 0);
  assert.equal(await textOf("/get?path=secret&start=x", 401), "authentication error");
  assert.match(await textOf("/list?path=other&start=x"), /not configured/);
  assert.match(await textOf("/get?path=other&start=x&duration=x&format=x"), /^invalid start/);
  assert.match(await textOf(`/get?path=other&start=${timeAt(0)}&duration=x&format=x`), /^invalid duration/);
  assert.match(await textOf(`/get?path=other&start=${timeAt(0)}&duration=1&format=x`), /^invalid format/);
  assert.match(await textOf(`/get?path=other&start=${timeAt(0)}&duration=1`), /not configured/);
});

test("who may not in is told so; credentials come from the header, else from the query", async (t) => {
  const log = collectedLog();
  const site = await startPlaybackSite(t, {
    runs: { cam: [gate()] },
    log,
    authorize: async ({ credentials: { kind } }) => ({ allowed: false, challenge: kind === "none", delayMs: 0, reason: "wrong password" }),
  });
  const bare = await fetch(`${site.origin}/list?path=cam`);
  assert.equal(bare.headers.get("www-authenticate"), 'Basic realm="mediamtx"');
  assert.equal(await errorOf(bare, 401), "authentication error");
  assert.deepEqual(log.lines, []);
  const authorization = `Basic ${Buffer.from("ann:b:c").toString("base64")}`;
  const header = await fetch(`${site.origin}/list?path=cam&user=x&pass=y`, { headers: { authorization, "user-agent": "player" } });
  assert.equal(header.headers.get("www-authenticate"), null);
  assert.equal(await errorOf(header, 401), "authentication error");
  for (const query of ["user=bob&pass=d%2B", "token=t1", "jwt=t2&user=bob"]) await fetch(`${site.origin}/get?path=cam&${query}`);
  assert.deepEqual(
    site.asked.map(({ credentials }) => credentials),
    [
      { kind: "none" },
      { kind: "basic", user: "ann", pass: "b:c" },
      { kind: "basic", user: "bob", pass: "d+" },
      { kind: "token", token: "t1" },
      { kind: "token", token: "t2" },
    ],
  );
  const { action, path, protocol, query, id, userAgent, remote } = site.asked[1]!;
  assert.deepEqual([action, path, protocol, query, id, userAgent], ["playback", "cam", "", "path=cam&user=x&pass=y", "", "player"]);
  assert.equal(remote.address, "127.0.0.1");
  assert.deepEqual(log.lines.slice(0, 1), ["connection 127.0.0.1 failed to authenticate: wrong password"]);
});

test("other targets and methods", async (t) => {
  const site = await startPlaybackSite(t, { runs: { cam: [gate()] } });
  assert.equal(await errorOf(await fetch(`${site.origin}/`), 404), "not found");
  const post = await fetch(`${site.origin}/list?path=cam`, { method: "POST" });
  assert.equal(post.headers.get("allow"), "GET, HEAD");
  assert.equal(await errorOf(post, 405), "method not allowed");
  const headers = { origin: "http://page", "access-control-request-method": "GET" };
  const preflight = await fetch(`${site.origin}/get`, { method: "OPTIONS", headers });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get("access-control-allow-methods"), "OPTIONS, GET");
});

test("get: nothing there", async (t) => {
  const klv = { ...gate(), tracks: [trackOf("data", 90_000, { codec: "klv" })] };
  const site = await startPlaybackSite(t, { runs: { cam: [gate()], data: [klv] } });
  for (const format of ["fmp4", "mp4"]) {
    assert.equal(await errorOf(await fetch(site.url(20, 1, { format })), 404), "no recording segments found");
    const text = await errorOf(await fetch(site.url(1, 1, { format, path: "data" })), 400);
    assert.equal(text, "nothing of what is wanted of this recording can be stored in MP4");
  }
});

test("get: too much for one plain file", async (t) => {
  const first = gate();
  const last = gate({ startUtcUs: NOON_US + 25 * 3600 * SECOND_US });
  const long = { ...first, fragments: [...first.fragments, ...shiftedBy(last, 25 * 3600)] };
  const site = await startPlaybackSite(t, { runs: { cam: [long] } });
  const text = await errorOf(await fetch(site.url(0, 1e6, { format: "mp4" })), 400);
  assert.equal(text, "this is too much for one plain MP4 file: ask for a shorter duration, or for format=fmp4");
  assert.equal(site.index.reads, 0);
});

function shiftedBy({ fragments }: MemoryRun, seconds: number): MemoryRun["fragments"] {
  return fragments.map(({ gap, samples }) => ({
    gap,
    samples: samples.map(({ trackIndex, samples: own }) => {
      return { trackIndex, samples: own.map((sample) => ({ ...sample, dtsTicks: sample.dtsTicks + seconds * 90_000 })) };
    }),
  }));
}

test("fmp4 is streamed as MediaMTX streams it", async (t) => {
  const site = await startPlaybackSite(t, { runs: { cam: [gate({ audio: true })] } });
  for (const [seconds, frames] of [
    ["2", 50],
    ["1500ms", 38],
  ] as const) {
    const response = await fetch(site.url(2, 1, { duration: seconds }));
    const { headers } = response;
    assert.deepEqual([response.status, headers.get("content-type"), headers.get("accept-ranges")], [200, "video/mp4", "none"]);
    for (const name of ["content-length", "etag", "content-disposition"]) assert.equal(headers.get(name), null);
    const { init, fragments } = readFragmentedFile(await bytesOf(response))!;
    assert.deepEqual(
      init.tracks.map(({ parameters }) => parameters.codec),
      ["h264", "lpcm"],
    );
    assert.equal(samplesOf(fragments, 0).length, frames);
    assert.equal(samplesOf(fragments, 0)[0]!.dtsTicks, 0);
    assert.equal(samplesOf(fragments, 1)[0]!.dtsTicks, 0);
  }
  const head = await fetch(site.url(2, 2), { method: "HEAD" });
  assert.deepEqual([head.status, head.headers.get("accept-ranges"), await head.text()], [200, "none", ""]);
  assert.equal((await fetch(site.url(20, 2), { method: "HEAD" })).status, 404);
  const named = await fetch(site.url(2, 1, { download: "1" }), { method: "HEAD" });
  assert.match(named.headers.get("content-disposition") ?? "", /^attachment; filename="cam_\d{4}-\d\d-\d\d_\d\d-\d\d-02\.mp4"$/);
});

test("without sound where the page cannot play it", async (t) => {
  const site = await startPlaybackSite(t, { runs: { cam: [gate({ audio: true })] } });
  const { init, fragments } = readFragmentedFile(await bytesOf(await fetch(site.url(1, 2, { tracks: "video" }))))!;
  assert.equal(init.tracks.length, 1);
  assert.equal(samplesOf(fragments, 0).length, 75); // 25 of them for no time that is seen
  assert.equal(samplesOf(fragments, 0).filter(({ durationTicks }) => durationTicks > 4).length, 50);
});

for (const format of ["mp4", "fmp4"] as const) {
  test(`${format}: any part of the file is that of the whole`, async (t) => {
    const missing = new Map([[150, 50]]);
    const second = gate({ startUtcUs: NOON_US + 20 * SECOND_US, runId: "run-2", gapBefore: "source", audio: true, startTicks: 900_000 });
    const site = await startPlaybackSite(t, { runs: { cam: [gate({ audio: true, missing }), second] } });
    const url = site.url(1.3, 25, { format, gaps: "skip" });
    const get = async (headers: Record<string, string>) => await fetch(url, { headers });
    const whole = await get({ range: "bytes=0-" });
    const etag = whole.headers.get("etag")!;
    const bytes = await bytesOf(whole);
    const size = bytes.length;
    assert.equal(whole.status, 206);
    assert.equal(whole.headers.get("content-range"), `bytes 0-${size - 1}/${size}`);
    assert.equal(whole.headers.get("accept-ranges"), "bytes");
    assert.match(etag, /^"[\w-]{27}"$/);
    const reads = site.index.reads;
    for (let start = 0; start < size; start += Math.floor(size / 40)) {
      const end = Math.min(size, start + 1 + ((start * 7) % 200_000));
      const part = await get({ range: `bytes=${start}-${end - 1}`, "if-range": etag });
      assert.equal(part.headers.get("content-range"), `bytes ${start}-${end - 1}/${size}`);
      assert.ok((await bytesOf(part)).equals(bytes.subarray(start, end)), `bytes ${start} to ${end}`);
    }
    assert.ok(site.index.reads - reads <= 41); // never again from the start to find a place
    assert.ok((await bytesOf(await get({ range: "bytes=-500" }))).equals(bytes.subarray(-500)));
    const beyond = await get({ range: `bytes=${size}-` });
    assert.equal(beyond.headers.get("content-range"), `bytes */${size}`);
    assert.equal(await errorOf(beyond, 416), `the file has ${size} bytes`);
    const other = await get({ range: "bytes=5-9", "if-range": '"other"' });
    assert.deepEqual([other.status, other.headers.get("content-length")], [200, String(size)]);
    await other.body!.cancel();
    assert.equal((await get({ range: "bytes=0-", "if-none-match": `"a", W/${etag}` })).status, 304);
    assert.equal(site.index.openReads, 0);
  });
}

test("mp4: HEAD tells the size; the entity tag outlives the server", async (t) => {
  const runs = { cam: [gate({ audio: true })] };
  const site = await startPlaybackSite(t, { runs });
  const head = await fetch(site.url(1, 2, { format: "mp4" }), { method: "HEAD" });
  const body = await bytesOf(await fetch(site.url(1, 2, { format: "mp4" })));
  assert.equal(head.headers.get("content-length"), String(body.length));
  const other = await startPlaybackSite(t, { runs });
  const again = await fetch(other.url(1, 2, { format: "mp4" }), { method: "HEAD" });
  assert.equal(again.headers.get("etag"), head.headers.get("etag"));
  const longer = await fetch(other.url(1, 3, { format: "mp4" }), { method: "HEAD" });
  assert.notEqual(longer.headers.get("etag"), head.headers.get("etag"));
});

test("footage that is being written grows with each request from the start, not within one", async (t) => {
  const site = await startPlaybackSite(t, { runs: { cam: [gate({ frames: [0, 50], open: true })] } });
  const url = site.url(0, 60, { format: "mp4" });
  const first = await fetch(url);
  const bytes = await bytesOf(first);
  site.index.runs.set("cam", [gate({ frames: [0, 100], open: true })]);
  const part = await fetch(url, { headers: { range: "bytes=1000-1999", "if-range": first.headers.get("etag")! } });
  assert.equal(part.status, 206);
  assert.ok((await bytesOf(part)).equals(bytes.subarray(1000, 2000)));
  const second = await fetch(url);
  assert.ok((await bytesOf(second)).length > bytes.length);
  assert.notEqual(second.headers.get("etag"), first.headers.get("etag"));
  const streamed = await fetch(site.url(0, 60), { headers: { range: "bytes=0-" } });
  assert.deepEqual([streamed.status, streamed.headers.get("accept-ranges")], [200, "none"]);
  await streamed.body!.cancel();
});

test("footage that was overwritten meanwhile ends the answer; the next one tells what is there now", async (t) => {
  const log = collectedLog();
  const site = await startPlaybackSite(t, { runs: { cam: [gate()] }, log });
  const url = site.url(0, 12, { format: "mp4" });
  const first = await fetch(url, { method: "HEAD" });
  const size = Number(first.headers.get("content-length"));
  const { fragments } = gate();
  site.index.runs.set("cam", [{ ...gate(), fragments: fragments.slice(4) }]);
  await assert.rejects(async () => bytesOf(await fetch(url, { headers: { range: "bytes=0-", "if-range": first.headers.get("etag")! } })));
  assert.deepEqual(log.lines, ["cam: the recording changed while it was read"]);
  const second = await fetch(url, { method: "HEAD" });
  assert.ok(Number(second.headers.get("content-length")) < size);
  assert.notEqual(second.headers.get("etag"), first.headers.get("etag"));
});

test("what is read stops when the client goes, and waits while it takes nothing", async (t) => {
  const run = gate({ fragmentFrames: 1 });
  const many = { ...run, fragments: Array.from({ length: 100 }, (_, i) => shiftedBy(run, i * 12)).flat() };
  const site = await startPlaybackSite(t, { runs: { cam: [many] } });
  const port = Number(new URL(site.origin).port);
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.pause();
  const { pathname, search } = new URL(site.url(0, 1200));
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: x\r\n\r\n`);
  let last = -1;
  const settled = await until("reading waits", () => {
    const now = site.index.fragmentsRead;
    const isSettled = now > 0 && now === last;
    last = now;
    return isSettled && now;
  });
  assert.ok(settled < many.fragments.length / 2, `${settled} of ${many.fragments.length} fragments were read for a client that takes none`);
  assert.equal(site.index.openReads, 1);
  socket.destroy();
  await until("reading ends", () => site.index.openReads === 0);
});

test("an index that nobody waits for any more is not made; one that several wait for is made once", async (t) => {
  const site = await startPlaybackSite(t, { runs: { cam: [gate({ fragmentFrames: 1 })] } });
  const url = site.url(0, 12, { format: "mp4" });
  let held = deferred<void>();
  let reached = deferred<void>();
  site.index.onFragment = () => {
    reached.resolve();
    return held.promise;
  };
  const oneMore = (): void => {
    const last = held;
    held = deferred();
    last.resolve();
  };
  const gone = request(url).on("error", () => {});
  gone.end();
  await reached.promise;
  gone.destroy();
  await until("it is given up", () => {
    oneMore();
    return site.index.openReads === 0;
  });
  assert.ok(site.index.fragmentsRead < 300);

  reached = deferred();
  const reads = site.index.reads;
  const answers = [fetch(url), fetch(url)];
  await reached.promise;
  site.index.onFragment = undefined;
  oneMore();
  const [one, two] = await Promise.all(answers);
  assert.equal(one!.headers.get("etag"), two!.headers.get("etag"));
  assert.ok((await bytesOf(one!)).equals(await bytesOf(two!)));
  assert.equal(site.index.reads - reads, 3); // one for the index, one for each body
});

test("a close ends what is being sent", async (t) => {
  const site = await startPlaybackSite(t, { runs: { cam: [gate()] } });
  const hold = deferred<void>();
  let handed = 0;
  site.index.onFragment = () => (handed++ < 2 ? undefined : hold.promise);
  const outgoing = request(site.url(0, 12)).on("error", () => {});
  outgoing.end();
  const [response] = await once(outgoing, "response");
  const body = buffer(response).then(
    () => "whole",
    () => "cut off",
  );
  const closed = site.close();
  hold.resolve();
  await closed;
  assert.equal(await body, "cut off");
  assert.equal(site.index.openReads, 0);
});

test("whoever may not any more gets no further", async (t) => {
  const site = await startPlaybackSite(t, { runs: { cam: [gate()] }, authorize: async () => ({ allowed: true, user: "bob" }) });
  const hold = deferred<void>();
  let handed = 0;
  site.index.onFragment = () => (handed++ < 2 ? undefined : hold.promise);
  const outgoing = request(site.url(0, 12)).on("error", () => {});
  outgoing.end();
  const [response] = await once(outgoing, "response");
  const body = buffer(response).then(
    () => "whole",
    () => "cut off",
  );
  site.revoke(({ user }) => user === "bob");
  assert.equal(response.destroyed, false);
  site.revoke(({ user }) => user !== "bob");
  assert.equal(await body, "cut off");
  hold.resolve();
  await until("nothing is read", () => site.index.openReads === 0);
});
