import assert from "node:assert/strict";
import { constants } from "node:os";
import { test } from "node:test";
import { BatchSender } from "./batch-sender.ts";
import type { Libc } from "./libc.ts";

const { EAGAIN, ECONNREFUSED, EHOSTUNREACH, EINTR, EINVAL, EIO, EMSGSIZE, ENOBUFS } = constants.errno;
const HEAD_BYTES = 4;
const FD = 7;

/** A call of sendmmsg as the kernel sees it: the packets of each message that it takes. */
type Call = readonly string[];

/** Reads messages where their addresses point to, as a 32-bit or a 64-bit kernel does. */
class ScriptedKernel {
  readonly calls: Call[] = [];
  readonly destinations = new Set<string>();
  /** What a call answers: how many messages it takes, or minus the error. Without a script all are taken. */
  readonly answers: number[];
  readonly #word: 4 | 8;
  readonly #memory: { readonly address: number; readonly bytes: Buffer }[] = [];
  #nextAddress: number;
  #errno = 0;

  constructor(word: 4 | 8, answers: number[] = []) {
    this.#word = word;
    this.answers = answers;
    this.#nextAddress = word === 8 ? 0x7f12_ffff_f000 : 0xb000_0000; // addresses cross a 4 GiB border
  }

  get libc(): Libc {
    const libc: Pick<Libc, "pointerBytes" | "address" | "errno" | "sendmmsg"> = {
      pointerBytes: this.#word,
      address: (bytes) => this.#addressOf(bytes),
      errno: () => this.#errno,
      sendmmsg: (fd, messages, count, flags) => this.#send(fd, messages, count, flags),
    };
    return libc as Libc;
  }

  #addressOf(bytes: Buffer): number {
    const known = this.#memory.find((block) => block.bytes.buffer === bytes.buffer && block.bytes.byteOffset === bytes.byteOffset);
    if (known !== undefined) return known.address;
    const address = this.#nextAddress;
    this.#nextAddress += Math.ceil((bytes.length + 1) / 4096) * 4096;
    this.#memory.push({ address, bytes });
    return address;
  }

  #read(address: number, sizeBytes: number): Buffer {
    const block = this.#memory.find((one) => address >= one.address && address + sizeBytes <= one.address + one.bytes.length);
    assert.ok(block, `${sizeBytes} bytes at ${address.toString(16)} are nobody's`);
    return block.bytes.subarray(address - block.address, address - block.address + sizeBytes);
  }

  #readWord(address: number): number {
    const bytes = this.#read(address, this.#word);
    return this.#word === 8 ? Number(bytes.readBigUInt64LE()) : bytes.readUInt32LE();
  }

  #send(fd: number, messages: number, count: number, flags: number): number {
    assert.deepEqual([fd, flags], [FD, 0x40], "not without MSG_DONTWAIT");
    assert.ok(count >= 1 && count <= 1024, `${count} messages in a call`);
    const answer = this.answers.shift() ?? count;
    if (answer < 0) {
      this.#errno = -answer;
      this.calls.push([]);
      return -1;
    }
    const taken = Math.min(answer, count);
    const read = Array.from({ length: taken }, (_, i) => this.#message(messages + i * 8 * this.#word));
    this.calls.push(read);
    return taken;
  }

  /** `struct msghdr`: the texts of its datagrams, joined by `+`. */
  #message(header: number): string {
    const field = (word: number) => this.#readWord(header + word * this.#word);
    const nameBytes = this.#read(header + this.#word, 4).readUInt32LE();
    this.destinations.add(this.#read(field(0), nameBytes).toString("latin1").replaceAll("\0", ""));
    const vectors = Array.from({ length: field(3) }, (_, i) => {
      const at = field(2) + i * 2 * this.#word;
      return this.#read(this.#readWord(at), this.#readWord(at + this.#word)).toString();
    });
    assert.ok(vectors.length <= 64);
    if (field(5) === 0) {
      assert.equal(vectors.length, 1, "one datagram where no segment size is given");
      return vectors[0]!;
    }
    assert.equal(field(5), this.#word === 8 ? 24 : 16, "CMSG_SPACE(2)");
    const control = this.#read(field(4), field(5));
    const levelAt = this.#word;
    assert.equal(this.#readWord(field(4)), levelAt + 10, "CMSG_LEN(2)");
    assert.deepEqual([control.readInt32LE(levelAt), control.readInt32LE(levelAt + 4)], [17, 103], "SOL_UDP, UDP_SEGMENT");
    const segmentBytes = control.readUInt16LE(levelAt + 8);
    const text = vectors.join("");
    return Array.from({ length: Math.ceil(text.length / segmentBytes) }, (_, i) =>
      text.slice(i * segmentBytes, (i + 1) * segmentBytes),
    ).join("+");
  }
}

function slabOf(packets: readonly string[]) {
  const offsets = new Int32Array(packets.length + 1);
  for (const [i, text] of packets.entries()) offsets[i + 1] = offsets[i]! + HEAD_BYTES + text.length;
  return { bytes: Buffer.from(packets.map((text) => `head${text}`).join("")), offsets, count: packets.length };
}

const destination = (segmented: boolean) => ({ socketAddress: Buffer.from("somewhere".padEnd(28, "\0")), segmented });

/** What becomes of a slab, and what the kernel saw. */
function send(packets: readonly string[], answers: number[] = [], { segmented = true, word = 8 as 4 | 8 } = {}) {
  const kernel = new ScriptedKernel(word, answers);
  const to = destination(segmented);
  const outcome = new BatchSender(kernel.libc, segmented).send(FD, slabOf(packets), HEAD_BYTES, to);
  return { ...outcome, calls: kernel.calls, destinations: [...kernel.destinations], segmented: to.segmented };
}

const FRAME = ["sps", "pp", "aaaa", "bbbb", "cc"];

for (const word of [4, 8] as const) {
  test(`the structures are those of a ${word * 8}-bit kernel`, () => {
    const runs = send(FRAME, [], { word });
    assert.deepEqual(runs.calls, [["sps+pp", "aaaa+bbbb+cc"]]);
    assert.deepEqual(runs.destinations, ["somewhere"]);
    assert.deepEqual(send(FRAME, [], { word, segmented: false }).calls, [FRAME]);
  });
}

test("a frame is one call; what the kernel leaves is offered again", () => {
  assert.deepEqual(send(FRAME, [1]).calls, [["sps+pp"], ["aaaa+bbbb+cc"]]);
  assert.deepEqual(send(FRAME, [-EINTR, 1, -EINTR]).calls, [[], ["sps+pp"], [], ["aaaa+bbbb+cc"]]);
});

test("a slab is prepared once, and again for another", () => {
  const kernel = new ScriptedKernel(8);
  const sender = new BatchSender(kernel.libc, true);
  const frame = slabOf(FRAME);
  for (const slab of [frame, frame, slabOf(["x", "y"]), frame]) sender.send(FD, slab, HEAD_BYTES, destination(true));
  const whole = ["sps+pp", "aaaa+bbbb+cc"];
  assert.deepEqual(kernel.calls, [whole, whole, ["x+y"], whole]);
});

test("a large frame goes in calls of 1,024 messages", () => {
  const packets = Array.from({ length: 3000 }, (_, i) => `packet ${i}`);
  const { calls, next, refused } = send(packets, [], { segmented: false });
  assert.deepEqual(calls.flat(), packets);
  assert.deepEqual([calls.length, next, refused], [3, 3000, 0]);
  assert.deepEqual(
    send(packets)
      .calls.flat()
      .flatMap((message) => message.split("+")),
    packets,
  );
});

test("no room in the kernel: tells where to go on", () => {
  for (const error of [EAGAIN, ENOBUFS]) {
    const { next, refused, segmented } = send(FRAME, [1, -error]);
    assert.deepEqual({ next, refused, segmented }, { next: 2, refused: 0, segmented: true });
    assert.equal(send(FRAME, [3, -error], { segmented: false }).next, 3);
  }
});

test("segments that are refused go as packets of their own, for that destination from then on", () => {
  for (const error of [EINVAL, EIO, EMSGSIZE]) {
    const { calls, next, refused, segmented } = send(FRAME, [1, -error]);
    assert.deepEqual(calls, [["sps+pp"], [], ["aaaa", "bbbb", "cc"]]);
    assert.deepEqual({ next, refused, segmented }, { next: 5, refused: 0, segmented: false });
  }
  const kernel = new ScriptedKernel(8, [-EIO]);
  const sender = new BatchSender(kernel.libc, true);
  const [first, other] = [destination(true), destination(true)];
  for (const to of [first, first, other]) sender.send(FD, slabOf(["a", "b"]), HEAD_BYTES, to);
  assert.deepEqual(kernel.calls, [[], ["a", "b"], ["a", "b"], ["a+b"]]);
});

test("packets that are too long are counted, the others leave", () => {
  const { calls, next, refused } = send(FRAME, [2, -EMSGSIZE], { segmented: false });
  assert.deepEqual(calls, [["sps", "pp"], [], ["bbbb", "cc"]]);
  assert.deepEqual({ next, refused }, { next: 5, refused: 1 });
});

test("an error that an earlier packet met costs one message", () => {
  const { calls, next, refused, segmented } = send(FRAME, [-ECONNREFUSED]);
  assert.deepEqual(calls, [[], ["aaaa+bbbb+cc"]]);
  assert.deepEqual({ next, refused, segmented }, { next: 5, refused: 2, segmented: true });
});

test("a destination that cannot be reached costs one call", () => {
  const { calls, next, refused } = send(FRAME, [1, -EHOSTUNREACH]);
  assert.deepEqual(calls, [["sps+pp"], []]);
  assert.deepEqual({ next, refused }, { next: 5, refused: 3 });
});
