import assert from "node:assert/strict";
import { test } from "node:test";
import { pathConf } from "#testing/rtsp-site.ts";
import { fillVariables, findConf } from "./path-options.ts";

test("the first entry that matches, with the groups of its expression", () => {
  const confs = [pathConf("cam"), pathConf("~^(cam)(\\d+)$"), pathConf("all_others")];
  assert.equal(findConf(confs, "cam")?.conf, confs[0]);
  assert.deepEqual(findConf(confs, "cam12"), { conf: confs[1], groups: ["cam", "12"] });
  assert.deepEqual(findConf(confs, "yard"), { conf: confs[2], groups: [] });
  assert.equal(findConf(confs.slice(0, 2), "yard"), undefined);
});

test("$G10 is not $G1 and a zero; what is filled in is not searched again", () => {
  const groups = Array.from({ length: 10 }, (_, i) => `<${i + 1}>`);
  assert.equal(fillVariables("rtsp://h/$G1/$G10?$MTX_QUERY", { groups, query: "a=$G1&b=$&" }), "rtsp://h/<1>/<10>?a=$G1&b=$&");
  assert.equal(fillVariables("$G1 $G2", { groups: ["$$"], query: "" }), "$$ $G2");
});
