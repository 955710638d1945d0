// Entries that wait, against a plain map, over random additions, writes, moves and removals.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRounds, seededRandom } from "#testing/mutate.ts";
import type { OutboxPlace } from "./outbox-log.ts";
import { WaitingEntries } from "./waiting-entries.ts";

function idsOf(entries: WaitingEntries): number[] {
  const ids: number[] = [];
  for (let id = entries.after(0); id !== undefined; id = entries.after(id)) ids.push(id);
  return ids;
}

test("behaves as a map in the order of ids, whatever is added, written late, moved and removed", () => {
  const random = seededRandom(5);
  const entries = new WaitingEntries();
  const plain = new Map<number, OutboxPlace | undefined>();
  let nextId = 2 ** 47;
  const some = (): number | undefined => [...plain.keys()][random(Math.max(1, plain.size))];
  for (let round = fuzzRounds(5000); round > 0; round--) {
    // It grows and shrinks by turns.
    const isGrowing = Math.floor(round / 700) % 2 === 0;
    const what = random(10);
    const place = { segment: 1 + random(4), offset: random(1 << 20), sizeBytes: 20 + random(100) };
    const id = some();
    if (what < (isGrowing ? 6 : 2) || id === undefined) {
      nextId += 1 + random(3);
      entries.add({ id: nextId, class: 1, payload: Buffer.from(String(nextId)) });
      plain.set(nextId, undefined);
    } else if (what < 7) {
      entries.keep(id, place);
      plain.set(id, place);
    } else {
      const removed = entries.remove(id);
      assert.deepEqual(removed?.place, plain.get(id));
      assert.equal(removed?.unwritten?.payload.toString(), plain.get(id) === undefined ? String(id) : undefined);
      plain.delete(id);
      assert.equal(entries.remove(id), undefined);
      assert.equal(entries.has(id), false);
    }
    assert.equal(entries.size, plain.size);
    if (round % 50 !== 0) continue;
    const ids = [...plain.keys()].sort((a, b) => a - b);
    assert.deepEqual(idsOf(entries), ids);
    for (const one of ids) assert.deepEqual([entries.has(one), entries.placeOf(one)], [true, plain.get(one)]);
    assert.deepEqual(
      [...entries.unwritten].map(({ id: one }) => one),
      [...plain].flatMap(([one, at]) => (at === undefined ? [one] : [])),
    );
    assert.deepEqual(
      entries.inSegment(2),
      ids.filter((one) => plain.get(one)?.segment === 2),
    );
  }
});
