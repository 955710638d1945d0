import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "#base/log.ts";
import { newCameraMemory } from "./camera-memory.ts";
import { Keepalive } from "./keepalive.ts";

/** Ends sessions of one camera after these times and returns the method that is left. */
function after(livedS: readonly (number | undefined)[], { isPublic = true, timeoutS = 60 } = {}): string | undefined {
  const memory = newCameraMemory();
  for (const lived of livedS) {
    const session = {
      methods: new Set(isPublic ? ["GET_PARAMETER"] : []),
      timeoutS,
      keepAlive: () => assert.fail("its time has not come"),
      end: () => {},
    };
    const keepalive = new Keepalive(session, memory, silentLog);
    keepalive.start();
    keepalive.stop(lived === undefined ? undefined : lived * 1000);
  }
  return memory.keepaliveMethod;
}

test("two sessions in a row that end at their timeout: the other method, and back again", () => {
  assert.equal(after([60]), undefined);
  assert.equal(after([60, 66]), "OPTIONS");
  assert.equal(after([60, 66], { isPublic: false }), "GET_PARAMETER");
  assert.equal(after([60, 66, 60]), "OPTIONS");
  assert.equal(after([60, 66, 60, 60]), "GET_PARAMETER");
});

test("other ends say nothing, and begin the count anew", () => {
  assert.equal(after([60, 10, 60]), undefined);
  assert.equal(after([60, 600, 60]), undefined);
  assert.equal(after([40, 40, 90, 90]), undefined);
});

test("sessions that we ended are not counted", () => {
  assert.equal(after([60, undefined, 60]), "OPTIONS");
});
