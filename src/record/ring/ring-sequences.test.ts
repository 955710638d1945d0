// All sequences of up to four things a ring does, on a ring that was lapped before; then the power goes. What was seen and safe before is there, and
// nothing else: what was deleted or written over does not come back, locks hold.
import assert from "node:assert/strict";
import { test } from "node:test";
import { crashFaultsOf, disagreements, type SeenFragment, scanChunks, seenFragments } from "#testing/ring-proof/oracle.ts";
import { SweptCamera } from "#testing/ring-proof/swept-camera.ts";
import { RingRig } from "#testing/ring-rig.ts";
import { SYNTHETIC_SETS, syntheticTrack } from "#testing/synthetic-track.ts";
import { MIN_CHUNK_BYTES } from "./layout.ts";
import type { RingOptions } from "./ring.ts";

const LONGEST = 4;
const SIZES = { chunkBytes: MIN_CHUNK_BYTES, sizeBytes: 6 * MIN_CHUNK_BYTES };
const FRAGMENT_BYTES = 7500;
/** The boots are an hour apart: about half of what was recorded in the first is older a minute into the second. */
const LIMIT_MS = 3_648_000;

const track = syntheticTrack();
const tracks = [
  track,
  { ...track, parameters: { codec: "h264", sps: [SYNTHETIC_SETS.otherSps], pps: [SYNTHETIC_SETS.pps] } as const },
] as const;

/** A ring with two cameras, one of which is acted on. */
class Site {
  readonly rig: RingRig;
  readonly gate: SweptCamera;
  readonly yard: SweptCamera;
  maxMs: number | undefined;
  #runs = 0;

  constructor(before?: Site, seed = 0) {
    const quotaOf: RingOptions["quotaOf"] = (path) =>
      path === "gate" ? { minMs: 0, maxMs: this.maxMs, maxBytes: undefined, weight: 1 } : undefined;
    const options = { ...SIZES, quotaOf, settings: { lockedShare: 0.5 } };
    this.rig = before === undefined ? new RingRig(options) : before.rig.reboot(seed, options);
    this.gate = new SweptCamera(this.rig, "gate", { fragmentBytes: FRAGMENT_BYTES }, before?.gate);
    this.yard = new SweptCamera(this.rig, "yard", { fragmentBytes: FRAGMENT_BYTES, firstFrame: 10_000 }, before?.yard);
  }

  get cameras(): readonly SweptCamera[] {
    return [this.gate, this.yard];
  }

  async write(): Promise<void> {
    this.rig.clock.us += 1e6;
    for (const camera of this.cameras) await camera.append();
    await this.rig.settle();
  }

  async sync(): Promise<void> {
    await this.rig.passMs(1000);
  }

  async rotate(): Promise<void> {
    this.rig.clock.us += 1e6;
    await this.gate.open([tracks[++this.#runs % 2]!]);
    await this.gate.append();
    await this.rig.settle();
  }

  /** The last two seconds, and what is in the same chunks. */
  async lock(): Promise<void> {
    const { utcUs } = this.rig.clock.utcOf(this.rig.clock.us);
    await this.rig.ring.recordings.lock({ path: "gate", fromUtcUs: utcUs - 2e6, toUtcUs: utcUs, why: "" }).catch(() => {}); // nothing there, or too much
    this.gate.lockedThrough = this.gate.camera.frame + MIN_CHUNK_BYTES / FRAGMENT_BYTES;
  }

  async expire(): Promise<void> {
    this.maxMs = LIMIT_MS;
    await this.rig.passMs(61_000);
    this.maxMs = undefined;
  }

  async seen(): Promise<Map<string, SeenFragment[]>> {
    const seen = new Map<string, SeenFragment[]>();
    for (const camera of this.cameras) seen.set(camera.path, await seenFragments(this.rig.ring.recordings, camera));
    return seen;
  }
}

const ACTIONS = ["write", "sync", "rotate", "lock", "expire"] as const;
type Action = (typeof ACTIONS)[number];

function* sequences(length: number): Generator<readonly Action[]> {
  if (length === 0) yield [];
  else for (const before of sequences(length - 1)) for (const action of ACTIONS) yield [...before, action];
}

/** Lapped one and a half times, and closed. */
async function lapped(): Promise<Site> {
  const site = new Site();
  await site.rig.start();
  for (let second = 0; second < 32; second++) {
    for (const camera of site.cameras) await camera.append();
    await site.rig.passMs(1000);
  }
  await site.rig.ring.close();
  return site;
}

const numbersOf = (seen: readonly SeenFragment[] | undefined): number[] => (seen ?? []).map(({ number }) => number);

const start = await lapped();

async function tryOut(sequence: readonly Action[], seed: number): Promise<void> {
  const what = `${sequence.join(" ")} (${seed})`;
  const site = new Site(start, seed);
  await site.rig.start();
  for (const action of sequence) await site[action]();
  const before = await site.seen();
  const locks = site.rig.ring.recordings.locks().map(({ id }) => id);

  const next = new Site(site, seed);
  await next.rig.start();
  const after = await next.seen();
  for (const camera of next.cameras) {
    const [was, is] = [numbersOf(before.get(camera.path)), numbersOf(after.get(camera.path))];
    assert.deepEqual(crashFaultsOf(after.get(camera.path)!, camera), [], what);
    assert.deepEqual(
      is.filter((number) => !was.includes(number)),
      [],
      `${what}: came back`,
    );
    const safe = new Set(camera.stored);
    assert.deepEqual(
      was.filter((number) => safe.has(number) && !is.includes(number)),
      [],
      `${what}: is gone`,
    );
  }
  assert.deepEqual(disagreements(after, await scanChunks(next.rig.fs, "/rec", next.cameras), 0), [], what);
  const { recordings } = next.rig.ring;
  assert.deepEqual(
    recordings.locks().map(({ id }) => id),
    locks,
    what,
  );
  if (locks.length > 0) await assertLocksHold(next, what);
  await next.rig.ring.close();
}

/** A lap later, all that was locked is there. */
async function assertLocksHold(site: Site, what: string): Promise<void> {
  const locked = async (): Promise<number[]> => {
    const numbers: number[] = [];
    for (const { fromUtcUs, toUtcUs } of site.rig.ring.recordings.locks())
      numbers.push(...(await site.rig.framesOf("gate", fromUtcUs, toUtcUs)));
    return numbers;
  };
  const before = await locked();
  for (let second = 0; second < 45; second++) {
    await site.yard.append();
    await site.rig.passMs(1000);
  }
  assert.deepEqual(await locked(), before, `${what}: a lap later`);
}

for (let length = 1; length <= LONGEST; length++) {
  test(`every sequence of ${length}, then power goes`, async () => {
    let seed = 0;
    for (const sequence of sequences(length)) await tryOut(sequence, ++seed);
  });
}
