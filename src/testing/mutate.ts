// Damages bytes the way networks, cameras and attackers do: the mutation loops of the parsers' tests draw from here.

/** A number in 0 … limit − 1. */
export type Random = (limit: number) => number;

/** The same seed gives the same numbers on every machine (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

/** Values that break length fields and counters. */
const EXTREMES: readonly number[] = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];

function mutateOnce(bytes: Buffer, random: Random): Buffer {
  const at = random(bytes.length + 1);
  const some = random(Math.min(bytes.length - at, 32) + 1);
  switch (random(7)) {
    case 0:
      return bytes.subarray(0, at);
    case 1: // left out
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + some)]);
    case 2: // twice
      return Buffer.concat([bytes.subarray(0, at + some), bytes.subarray(at)]);
    case 3: // put in
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(Array.from({ length: random(8) + 1 }, () => random(256))),
        bytes.subarray(at),
      ]);
    case 4:
      return Buffer.from(bytes).fill(EXTREMES[random(EXTREMES.length)]!, at, at + some);
    default: {
      const copy = Buffer.from(bytes);
      if (at < copy.length) copy[at] = random(2) === 0 ? copy[at]! ^ (1 << random(8)) : EXTREMES[random(EXTREMES.length)]!;
      return copy;
    }
  }
}

/** One to four faults: bits turned, bytes set, cut off, left out, doubled or put in. The input stays as it is. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  let mutated = bytes;
  for (let left = random(4) + 1; left > 0; left--) mutated = mutateOnce(mutated, random);
  return mutated;
}

/** Rounds of all mutation loops of the tests together, about. */
const USUAL_ROUNDS = 200_000;

/** Rounds for one mutation loop: `usual`, or its share of CAMGATE_FUZZ_ROUNDS, which the loops of all files divide among them. */
export function fuzzRounds(usual: number): number {
  const asked = Number(process.env["CAMGATE_FUZZ_ROUNDS"]);
  return Number.isInteger(asked) && asked > 0 ? Math.ceil((usual * asked) / USUAL_ROUNDS) : usual;
}

/** Numbers for one mutation loop: the same in every run of the tests, others for each CAMGATE_FUZZ_SEED. */
export function fuzzRandom(seed: number): Random {
  return seededRandom(seed + Math.imul(Number(process.env["CAMGATE_FUZZ_SEED"] ?? 0), 0x9e37_79b1));
}
