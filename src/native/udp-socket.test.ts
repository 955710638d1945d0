import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { constants, networkInterfaces } from "node:os";
import { after, describe, test } from "node:test";
import { findLadder, type Ladder } from "./ladder.ts";
import type { Libc } from "./libc.ts";
import type { PacketSlab } from "./send-plan.ts";
import { openUdpSocket, type UdpSocket, type UdpSocketOptions } from "./udp-socket.ts";

const { EAGAIN, EIO, ENOBUFS } = constants.errno;
const HEAD_BYTES = 4;
const ANY: UdpSocketOptions = { family: "udp4", host: "127.0.0.1", port: 0, readBufferBytes: 0 };

const ladders: Ladder[] = await Promise.all(["off", "sendmmsg", "gso"].map((rung) => findLadder(rung)));
const best = ladders[2]!;
const skipBest = best.status.rung !== "gso" && best.status.reason!;
const hasIpv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === "::1"));

/** The machine's best, with some calls of the C library replaced. */
function faultyLadder(calls: Partial<Libc>): Promise<Ladder> {
  return findLadder(undefined, async () => ({ ...best.native!.libc, ...calls }));
}

const opened: { close(): void }[] = [];
after(() => {
  for (const socket of opened) socket.close();
});

async function open(options: Partial<UdpSocketOptions>, ladder: Ladder): Promise<UdpSocket> {
  const socket = await openUdpSocket({ ...ANY, ...options }, ladder);
  opened.push(socket);
  return socket;
}

function slabOf(sizes: readonly number[]) {
  const offsets = new Int32Array(sizes.length + 1);
  for (const [i, size] of sizes.entries()) offsets[i + 1] = offsets[i]! + HEAD_BYTES + size;
  const bytes = Buffer.allocUnsafeSlow(offsets.at(-1)!).fill("head");
  const packets = sizes.map((size, i) => bytes.subarray(offsets[i]! + HEAD_BYTES, offsets[i]! + HEAD_BYTES + size).fill(i + 1));
  return { slab: { bytes, offsets, count: sizes.length }, packets };
}

/** dgram as it is everywhere, which keeps what comes. */
class PlainReceiver {
  readonly received: Buffer[] = [];
  readonly socket: Socket;
  #wanted = Number.POSITIVE_INFINITY;
  #done: (() => void) | undefined;

  constructor(family: "udp4" | "udp6") {
    this.socket = createSocket({ type: family, recvBufferSize: 1024 * 1024 });
    this.socket.on("message", (bytes) => {
      this.received.push(bytes);
      if (this.received.length >= this.#wanted) this.#done?.();
    });
    opened.push(this.socket);
  }

  async bind(address: string): Promise<number> {
    this.socket.bind(0, address);
    await once(this.socket, "listening");
    return this.socket.address().port;
  }

  async take(count: number): Promise<Buffer[]> {
    this.#wanted = count;
    if (this.received.length < count)
      await new Promise<void>((resolve) => {
        this.#done = resolve;
      });
    return this.received.splice(0);
  }
}

const ROUTES = [
  { name: "IPv4", from: { family: "udp4", host: "127.0.0.1" }, to: "127.0.0.1", receiver: ["udp4", "127.0.0.1"] },
  { name: "IPv6", from: { family: "udp6", host: "::1" }, to: "::1", receiver: ["udp6", "::1"] },
  {
    name: "IPv4 through a socket for both",
    from: { family: "udp6", host: undefined },
    to: "::ffff:127.0.0.1",
    receiver: ["udp4", "127.0.0.1"],
  },
] as const;

const FRAMES: Record<string, readonly number[]> = {
  "a keyframe": [25, 4, ...Array(8).fill(1188), 700],
  slices: [500, 500, 200, 500, 500, 100, 1400],
  "more than 64 packets": [...Array(150).fill(90), 40],
  "more than fits one send": [...Array(60).fill(1400), 17],
  "one packet": [160],
  "none at all": [],
};

for (const [i, ladder] of ladders.entries()) {
  const rung = ["dgram", "sendmmsg", "gso"][i];
  const skip = ladder.status.rung !== rung && best.status.reason!;
  describe(`rung ${rung}`, { skip }, () => {
    for (const route of ROUTES.filter(({ from }) => hasIpv6 || from.family === "udp4")) {
      test(`${route.name}: each packet is a datagram, in order`, async () => {
        const receiver = new PlainReceiver(route.receiver[0]);
        const port = await receiver.bind(route.receiver[1]);
        const socket = await open(route.from, ladder);
        const to = socket.destination(route.to, port);
        for (const [name, sizes] of Object.entries(FRAMES)) {
          const { slab, packets } = slabOf(sizes);
          socket.sendBurst(slab, HEAD_BYTES, to);
          assert.deepEqual(await receiver.take(packets.length), packets, name);
        }
        assert.equal(socket.unsentPackets, 0);
      });

      test(`${route.name}: datagrams come with their sender`, async () => {
        const socket = await open(route.from, ladder);
        const sender = await open({ family: route.receiver[0], host: route.receiver[1] }, ladder);
        const { slab, packets } = slabOf([1200, 1200, 600, 0, 60_000, 1]);
        const received: [Buffer, string, number][] = [];
        const all = new Promise<void>((resolve) => {
          socket.onDatagram((bytes, address, port) => {
            received.push([bytes, address, port]);
            if (received.length === packets.length) resolve();
          });
        });
        sender.sendBurst(slab, HEAD_BYTES, sender.destination(route.receiver[1], socket.dgram.address().port));
        await all;
        const { port } = sender.dgram.address();
        assert.deepEqual(
          received,
          packets.map((packet) => [packet, route.to, port]),
        );
      });
    }

    test("packets that no datagram can hold are counted, the others leave", async () => {
      const receiver = new PlainReceiver("udp4");
      const port = await receiver.bind("127.0.0.1");
      const socket = await open({}, ladder);
      const { slab, packets } = slabOf([10, 66_000, 20]);
      socket.sendBurst(slab, HEAD_BYTES, socket.destination("127.0.0.1", port));
      assert.deepEqual(await receiver.take(2), [packets[0], packets[2]]);
      assert.equal(socket.unsentPackets, 1);
    });

    test("what has no destination, and what comes after close, is counted", async () => {
      const socket = await open({}, ladder);
      const { slab } = slabOf([10, 10, 5]);
      socket.sendBurst(slab, HEAD_BYTES, socket.destination("127.0.0.1", 0));
      assert.equal(socket.unsentPackets, 3);
      const to = socket.destination("127.0.0.1", 9);
      socket.close();
      socket.close();
      socket.sendBurst(slab, HEAD_BYTES, to);
      assert.equal(socket.unsentPackets, 6);
    });

    test("a port that is taken stays taken", async () => {
      const socket = await open({}, ladder);
      const { port } = socket.dgram.address();
      await assert.rejects(openUdpSocket({ ...ANY, port }, ladder), { code: "EADDRINUSE", syscall: "bind", address: "127.0.0.1", port });
      const other = createSocket({ type: "udp4", reuseAddr: true });
      opened.push(other);
      other.bind(port, "127.0.0.1");
      const [error] = await once(other, "error");
      assert.equal(error.code, "EADDRINUSE");
    });

    test("the read buffer has the size that was asked for", async () => {
      const sizes = await Promise.all(
        [0, 65_536].map(async (readBufferBytes) => (await open({ readBufferBytes }, ladder)).dgram.getRecvBufferSize()),
      );
      assert.equal(sizes[1], 2 * 65_536); // the kernel doubles it, socket(7)
      assert.notEqual(sizes[0], sizes[1]);
    });
  });
}

test("a burst is taken in one go", { skip: skipBest }, async () => {
  const socket = await open({}, best);
  let events = 0;
  socket.dgram.on("message", () => events++);
  const { slab, packets } = slabOf(Array(30).fill(100));
  const received: Buffer[] = [];
  const all = new Promise<void>((resolve) => socket.onDatagram((bytes) => received.push(bytes) === packets.length && resolve()));
  socket.sendBurst(slab, HEAD_BYTES, socket.destination("127.0.0.1", socket.dgram.address().port));
  await all;
  assert.deepEqual(received, packets);
  assert.equal(events, 1, "dgram's event is the wake-up");
});

test("datagrams that come one at a time are not worth a second look each", { skip: skipBest }, async () => {
  let looks = 0;
  const ladder = await faultyLadder({ recvmmsg: () => ++looks * 0 });
  const socket = await open({}, ladder);
  let received = 0;
  socket.onDatagram(() => received++);
  const looksAfter = Array.from({ length: 100 }, () => {
    socket.dgram.emit("message", Buffer.alloc(1), { address: "127.0.0.1", port: 9, family: "IPv4", size: 1 });
    return looks;
  });
  assert.equal(received, 100);
  assert.deepEqual(
    [0, 1, 2, 6, 14, 30, 62, 94, 99].map((index) => looksAfter[index]),
    [1, 1, 2, 3, 4, 5, 6, 7, 7],
  );
});

test("a handler may close the socket", { skip: skipBest }, async () => {
  for (const last of [1, 3]) {
    const socket = await open({}, best);
    const closed = once(socket.dgram, "close");
    let received = 0;
    socket.onDatagram(() => {
      if (++received === last) socket.close();
    });
    const { slab } = slabOf(Array(5).fill(100));
    socket.sendBurst(slab, HEAD_BYTES, socket.destination("127.0.0.1", socket.dgram.address().port));
    await closed;
    assert.equal(received, last);
  }
});

describe("when the kernel has no room", { skip: skipBest }, () => {
  const SIZES = [30, 4, 500, 500, 200];

  /** A socket whose calls of sendmmsg fail as `faults` says, 0 being a success of one message; with its calls. */
  async function faultySocket(faults: number[]) {
    const calls: number[] = [];
    let errno = 0;
    const ladder = await faultyLadder({
      errno: () => errno,
      sendmmsg: (fd, messages, count, flags) => {
        errno = faults.shift() ?? -1;
        calls.push(count);
        return errno > 0 ? -1 : best.native!.libc.sendmmsg(fd, messages, errno === 0 ? 1 : count, flags);
      },
    });
    const receiver = new PlainReceiver("udp4");
    const port = await receiver.bind("127.0.0.1");
    const socket = await open({}, ladder);
    const to = socket.destination("127.0.0.1", port);
    return { socket, receiver, calls, send: (slab: PacketSlab) => socket.sendBurst(slab, HEAD_BYTES, to) };
  }

  test("dgram takes the rest, in order", async () => {
    const { socket, receiver, send } = await faultySocket([0, EAGAIN]);
    const { slab, packets } = slabOf(SIZES);
    send(slab);
    assert.deepEqual(await receiver.take(5), packets);
    assert.equal(socket.unsentPackets, 0);
  });

  test("what follows waits behind it", async () => {
    const { socket, receiver, calls, send } = await faultySocket([ENOBUFS]);
    const { slab, packets } = slabOf(SIZES);
    let queued = 1;
    socket.dgram.getSendQueueCount = () => queued;
    send(slab);
    send(slab);
    assert.equal(calls.length, 1);
    queued = 0;
    send(slab);
    assert.equal(calls.length, 2);
    assert.deepEqual(await receiver.take(15), [...packets, ...packets, ...packets]);
  });

  test("it takes a bounded number of bytes", async () => {
    const { socket, receiver, send } = await faultySocket([0, EAGAIN]);
    const { slab, packets } = slabOf(SIZES);
    socket.dgram.getSendQueueSize = () => 2 * 1024 * 1024;
    send(slab);
    assert.deepEqual(await receiver.take(2), packets.slice(0, 2));
    assert.equal(socket.unsentPackets, 3);
  });
});

test("a device that refuses segments gets packets", { skip: skipBest }, async () => {
  const faults = [EIO];
  const messagesOfCalls: number[] = [];
  const ladder = await faultyLadder({
    errno: () => EIO,
    sendmmsg: (fd, messages, count, flags) => {
      messagesOfCalls.push(count);
      return faults.pop() === undefined ? best.native!.libc.sendmmsg(fd, messages, count, flags) : -1;
    },
  });
  const receiver = new PlainReceiver("udp4");
  const socket = await open({}, ladder);
  const to = socket.destination("127.0.0.1", await receiver.bind("127.0.0.1"));
  const { slab, packets } = slabOf([500, 500, 200]);
  socket.sendBurst(slab, HEAD_BYTES, to);
  socket.sendBurst(slab, HEAD_BYTES, to);
  assert.deepEqual(await receiver.take(6), [...packets, ...packets]);
  assert.deepEqual(messagesOfCalls, [1, 3, 3]);
});
