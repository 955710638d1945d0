// Uploads to servers of every kind, without a network: what is sent, in what order, and when it is given up.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { CallerFault, PeerFault } from "#base/errors.ts";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import type { PutReply } from "./put-request.ts";
import { putResumably, type SendPart } from "./resumable-put.ts";
import { parseUploadRange, writeHeldBytes, writeReprDigest } from "./upload-headers.ts";

const FILE = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251));
const SHA256 = createHash("sha256").update(FILE).digest("hex");
const reply = (status: number, headers: PutReply["headers"] = {}, text = ""): PutReply => ({ status, headers, text });
const lost = (): never => {
  throw new PeerFault("connect", "noc.example: read ECONNRESET");
};

interface Asked {
  readonly range: string | undefined;
  readonly bytes: Buffer;
}

/** `answer` sees each request with its bytes, after those that the server read; it may throw. */
async function upload(answer: (asked: Asked, n: number) => PutReply, partBytes?: number) {
  const asked: Asked[] = [];
  const waits: number[] = [];
  const told: [number, number][] = [];
  let nowMs = 0;
  const send: SendPart = async ({ headers, body, onSent, signal }) => {
    assert.equal(headers["Repr-Digest"], writeReprDigest(SHA256));
    const chunks: Buffer[] = [];
    for await (const chunk of body(signal)) {
      chunks.push(chunk);
      onSent(chunk.length);
    }
    asked.push({ range: headers["Content-Range"], bytes: Buffer.concat(chunks) });
    return answer(asked.at(-1)!, asked.length);
  };
  const error = await putResumably(
    {
      send,
      partBytes,
      file: {
        sizeBytes: FILE.length,
        sha256: SHA256,
        bytes: async function* (start, end) {
          for (let at = start; at < end; at += 100) yield FILE.subarray(at, Math.min(end, at + 100));
        },
      },
      onProgress: (sentBytes, part) => told.push([sentBytes, part]),
      nowMs: () => nowMs,
      utcMs: () => 0,
      sleep: async (ms) => {
        waits.push(ms);
        nowMs += ms;
      },
      random: () => 1,
    },
    new AbortController().signal,
  ).then(
    () => undefined,
    (fault: unknown) => fault as Error & { readonly code: string },
  );
  return { error, asked, ranges: asked.map(({ range }) => range), waits, told };
}

/** Keeps what it is sent, as ours and Google's do; `keeps` may take less of a part. */
function keeper(keeps: (part: { readonly start: number; readonly bytes: Buffer }, n: number) => number = ({ bytes }) => bytes.length) {
  let held = Buffer.alloc(0);
  return {
    get held() {
      return held;
    },
    answer({ range, bytes }: Asked, n: number): PutReply {
      const { part, sizeBytes } = parseUploadRange(range!)!;
      if (part !== undefined) {
        if (part.start !== held.length) return reply(416);
        held = Buffer.concat([held, bytes.subarray(0, keeps({ start: part.start, bytes }, n))]);
      }
      const range308 = writeHeldBytes(held.length);
      return held.length === sizeBytes
        ? reply(201, { "repr-digest": writeReprDigest(SHA256) })
        : reply(308, range308 === undefined ? {} : { range: range308 });
    },
  };
}

test("one PUT, without a range, for an address that is signed for one file", async () => {
  for (const partBytes of [undefined, 1000, 5000]) {
    const { error, asked, told } = await upload(() => reply(200, { etag: '"x"' }), partBytes);
    assert.equal(error, undefined);
    assert.deepEqual([asked.length, asked[0]!.range], [1, undefined]);
    assert.ok(asked[0]!.bytes.equals(FILE));
    assert.deepEqual(
      [told[0], told.at(-1)],
      [
        [0, 1],
        [1000, 1],
      ],
    );
  }
});

test("one PUT whose connection is lost begins anew, after waits that grow", async () => {
  const { error, asked, waits } = await upload((_, n) => (n < 4 ? lost() : reply(200)));
  assert.deepEqual([error, asked.length, waits], [undefined, 4, [1000, 2000, 4000]]);
  assert.ok(asked.at(-1)!.bytes.equals(FILE));
});

test("in parts: the server is asked first, and told what comes of what", async () => {
  const server = keeper();
  const { error, ranges, told } = await upload((asked, n) => server.answer(asked, n), 400);
  assert.deepEqual([error, ranges], [undefined, ["bytes */1000", "bytes 0-399/1000", "bytes 400-799/1000", "bytes 800-999/1000"]]);
  assert.ok(server.held.equals(FILE));
  assert.deepEqual(
    [told[0], told.at(-1)],
    [
      [0, 1],
      [1000, 3],
    ],
  );
});

test("a part that is cut goes on where the server has it; so does an upload that another one began", async () => {
  const server = keeper(({ bytes }, n) => (n === 3 ? 150 : bytes.length));
  const first = await upload((asked, n) => {
    const answer = server.answer(asked, n);
    return n === 3 ? lost() : answer;
  }, 400);
  assert.equal(first.error, undefined);
  assert.deepEqual(first.ranges.slice(2), ["bytes 400-799/1000", "bytes */1000", "bytes 550-799/1000", "bytes 800-999/1000"]);
  assert.ok(server.held.equals(FILE));
  const again = await upload((asked, n) => server.answer(asked, n), 400);
  assert.deepEqual([again.error, again.ranges], [undefined, ["bytes */1000"]]);
});

test("a server that has forgotten, or something else, is asked and given all of it", async () => {
  const server = keeper();
  const { error, ranges } = await upload((asked, n) => (n === 2 ? reply(416) : server.answer(asked, n)), 600);
  assert.deepEqual(
    [error, ranges],
    [undefined, ["bytes */1000", "bytes 0-599/1000", "bytes */1000", "bytes 0-599/1000", "bytes 600-999/1000"]],
  );
  // One that does not know the question answers it like any PUT.
  const simple = await upload(() => reply(200), 600);
  assert.match(simple.error!.message, /leave dest\.part_mb out/);
  assert.deepEqual(simple.ranges, ["bytes */1000", "bytes 0-599/1000"]);
});

test("what a server says about itself is waited for; what it says about us is not", async () => {
  const busy = await upload((_, n) => (n === 1 ? reply(503, { "retry-after": "90" }) : n === 2 ? reply(500) : reply(201)));
  assert.deepEqual([busy.error, busy.waits], [undefined, [90_000, 2000]]);
  const refusals: [number, string, RegExp][] = [
    [401, "unauthorized", /^dest\.put: the server refuses the upload \(401\): token unknown$/],
    [403, "unauthorized", /403/],
    [404, "not-found", /no such place/],
    [409, "conflict", /another file/],
    [413, "limit", /no room for 1000 bytes/],
    [507, "limit", /no room/],
    [302, "protocol", /answers 302/],
    [308, "protocol", /answers 308/],
  ];
  for (const [status, code, text] of refusals) {
    const { error, asked, waits } = await upload(() => reply(status, {}, "token\u001b[31m unknown\n".replace("\u001b[31m", "")));
    assert.deepEqual([error?.code, asked.length, waits], [code, 1, []], String(status));
    assert.match(error!.message, text);
  }
});

test("given up: a link that stays away, a server that keeps nothing, one that has other bytes, or talks nonsense", async () => {
  const away = await upload(lost);
  assert.equal(away.error?.code, "connect");
  assert.ok(away.waits.length > 10 && away.waits.every((ms) => ms <= 60_000));
  const forgetful = keeper(() => 0);
  const nothing = await upload((asked, n) => forgetful.answer(asked, n), 400);
  assert.match(nothing.error!.message, /keeps nothing/);
  assert.ok(nothing.asked.length < 50);
  const other = await upload(() => reply(200, { "repr-digest": writeReprDigest("00".repeat(32)) }));
  assert.match(other.error!.message, /other bytes/);
  for (const range of ["bytes=0-999", "bytes=0-5000", "bytes=7-9", "all"]) {
    const { error } = await upload(() => reply(308, { range }), 400);
    assert.match(error!.message, /no sensible way/, range);
  }
});

test("an error of the file is told as it is, and an abort too", async () => {
  const broken = Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
  const file = {
    sizeBytes: 10,
    sha256: SHA256,
    // biome-ignore lint/correctness/useYield: it fails before
    bytes: async function* (): AsyncGenerator<Buffer> {
      throw broken;
    },
  };
  const never = new AbortController().signal;
  const rest = { file, partBytes: undefined, onProgress: () => {}, nowMs: () => 0, utcMs: () => 0, random: () => 0 };
  const send: SendPart = async ({ body, signal }) => {
    for await (const _ of body(signal));
    return reply(200);
  };
  await assert.rejects(putResumably({ ...rest, send, sleep: async () => {} }, never), broken);
  const abort = new AbortController();
  const sleep = async (_: number, signal: AbortSignal): Promise<void> => {
    abort.abort(new Error("cancelled"));
    signal.throwIfAborted();
  };
  await assert.rejects(putResumably({ ...rest, send: async () => lost(), sleep }, abort.signal), /cancelled/);
});

test("a server that answers anything: it ends, in one of the ways there are", async () => {
  const random = fuzzRandom(23);
  const statuses = [200, 201, 204, 206, 301, 308, 308, 308, 308, 400, 401, 404, 409, 413, 416, 416, 422, 429, 500, 503, 507, 0, 999];
  const ranges = ["bytes=0-99", "bytes=0-399", "bytes=0-998", "bytes=0-999", "bytes=0-", "bytes=5-9", "", "bytes=0-99999999999999"];
  const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
  for (let round = fuzzRounds(300); round > 0; round--) {
    const answer = (): PutReply => {
      if (random(6) === 0) return lost();
      const header = (text: string): string => (random(4) === 0 ? mutate(Buffer.from(text), random).toString("latin1") : text);
      return reply(
        pick(statuses),
        {
          ...(random(2) === 0 && { range: header(pick(ranges)) }),
          ...(random(3) === 0 && { "repr-digest": header(writeReprDigest(random(2) === 0 ? SHA256 : "11".repeat(32))) }),
          ...(random(4) === 0 && { "retry-after": header("7") }),
        },
        header("text"),
      );
    };
    const { error, asked } = await upload(answer, pick([undefined, 100, 400, 1000]));
    assert.ok(asked.length < 500, `${asked.length} requests`);
    assert.ok(error === undefined || error instanceof PeerFault || error instanceof CallerFault, String(error));
  }
});
