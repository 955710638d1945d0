import assert from "node:assert/strict";
import { test } from "node:test";
import { growthOf } from "./rtsp-churn.ts";

test("growth is read at 10, 50 and 100 %, its slope over the second half alone", () => {
  const points = [100, 300, 500, 750, 1000].map((done) => ({
    done,
    privateDirtyMib: done < 500 ? 10 * done : 50 + (done - 500) / 1024,
    privateMib: 0,
    residentMib: done,
    descriptors: done / 10,
  }));
  const growth = growthOf(points, 1000);
  assert.deepEqual([growth["residentMibAt10"], growth["residentMibAt50"], growth["residentMibAt100"]], [100, 500, 1000]);
  assert.deepEqual([growth["descriptorsAt10"], growth["privateDirtyMibAt50"]], [10, 50]);
  assert.ok(Math.abs(growth["privateDirtyKibPerSession"]! - 1) < 1e-9);
});
