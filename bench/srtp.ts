// Benchmark: SRTP alone, the packets of one frame for one viewer, by OpenSSL's own functions and through node:crypto.
import { findSrtpLadder } from "#native/srtp-ladder.ts";
import { BurstBuilder, type PacketBurst } from "#rtp/burst.ts";
import { SRTP_PROFILES, type SrtpProfile } from "#rtp/srtp/srtp-profile.ts";
import { openSrtpReceiver, type SrtpReceiver } from "#rtp/srtp/srtp-receiver.ts";
import { openSrtpSender } from "#rtp/srtp/srtp-sender.ts";
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import { type Contender, MIN_ROUNDS, runInterleaved, type Sample } from "./harness.ts";
import type { Column, Report } from "./report.ts";

const PACKETS = 12;
const PACKET_BYTES = 1200;
/** Frames before the timed ones: the code is compiled by then. */
const WARM_FRAMES = 2000;

const COLUMNS: readonly Column[] = [
  { figure: "sealUs", title: "µs per packet sent", digits: 2 },
  { figure: "openUs", title: "µs per packet received", digits: 2 },
];

type Setting = Readonly<{ packets: number }>;

export const srtp: Benchmark = {
  name: "srtp",
  summary: "SRTP alone: what a packet costs by OpenSSL's functions and through node:crypto, for both profiles",
  modest: [{}],
  run: async (options) => [await report(SRTP_PROFILES[0]!, options), await report(SRTP_PROFILES[1]!, options)],
};

async function report(profile: SrtpProfile, options: BenchmarkOptions): Promise<Report> {
  const contenders: Contender<Setting>[] = [];
  for (const way of ["best", "off"]) {
    const { status, makeCipher } = await findSrtpLadder(way);
    if (contenders.some(({ name }) => name === status.rung)) continue;
    contenders.push({ name: status.rung, run: async () => measure(profile, makeCipher, options) });
  }
  const rounds = options.trial ? 1 : Math.max(MIN_ROUNDS, options.rounds ?? 0);
  const results = await runInterleaved(contenders, [{ packets: PACKETS }], rounds, () => {});
  const load = `${profile.name}; packets of ${PACKET_BYTES} bytes, a frame of them at a time, for one viewer`;
  return { name: "srtp", load: options.trial ? `TRIAL; ${load}` : load, rounds, servers: [], columns: COLUMNS, results };
}

type MakeCipher = Awaited<ReturnType<typeof findSrtpLadder>>["makeCipher"];

function measure(profile: SrtpProfile, makeCipher: MakeCipher, options: BenchmarkOptions): Sample {
  const master = { profile, masterKey: Buffer.alloc(profile.keyBytes, 1), masterSalt: Buffer.alloc(profile.saltBytes, 2) };
  const sender = openSrtpSender(master, makeCipher)!;
  const stream = sender.stream({ ssrc: 1, payloadType: 96, sequenceOffset: 0, timestampOffset: 0 })!;
  const receiver = openSrtpReceiver(master, makeCipher)!;
  const frames = options.trial ? 500 : 10_000;
  let sealUs = 0;
  let openUs = 0;
  const burst = frame();
  const scratch = Buffer.allocUnsafeSlow(65_536); // as the server has one
  for (let i = -WARM_FRAMES; i < frames; i++) {
    number(burst, (i + WARM_FRAMES) * PACKETS);
    const start = cpuUs();
    const sealed = sender.protect(burst, stream, 0, PACKETS, scratch)!;
    const middle = cpuUs();
    receive(receiver, sealed.bytes, sealed.offsets, sealed.count);
    if (i < 0) continue;
    sealUs += middle - start;
    openUs += cpuUs() - middle;
  }
  sender.close();
  receiver.close();
  return { sealUs: sealUs / frames / PACKETS, openUs: openUs / frames / PACKETS };
}

function receive(receiver: SrtpReceiver, bytes: Buffer, offsets: Int32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    if (receiver.unprotect(bytes, offsets[i]!, offsets[i + 1]!) === undefined) throw new Error("a packet did not come through");
  }
}

function frame(): PacketBurst {
  const builder = new BurstBuilder(0, PACKETS * (PACKET_BYTES + 4));
  for (let i = 0; i < PACKETS; i++) builder.add(PACKET_BYTES - 12, i === PACKETS - 1);
  return builder.finish();
}

function number({ bytes, offsets, count }: PacketBurst, first: number): void {
  for (let i = 0; i < count; i++) bytes.writeUInt16BE((first + i) & 0xffff, offsets[i]! + 6);
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
