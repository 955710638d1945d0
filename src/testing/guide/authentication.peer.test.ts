// The three ways to authenticate, with the configs of a guide.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runCamgate, startCamgate } from "../peers/camgate.ts";
import { ffprobe } from "../peers/ffmpeg.ts";
import { ALL_OTHERS, probe, withClip } from "./guide-program.ts";

/** A list of actions stands where `permissions:` is missing before it. */
const LIST_WITHOUT_KEY = `authMethod: internal
# people
authInternalUsers:
  # everybody
  # with and without a name
- user: any
  # no password
  pass:
  # from anywhere
  ips: []
  # and what they may do:
    # publish, read, playback
  - action: publish
    path:
  - action: read
    path:
  - action: playback
    path:
`;

test("a list of actions without `permissions:` is refused with its line, and works with it", { skip: ffprobe.missing }, async (t) => {
  const refused = await runCamgate(t, { config: LIST_WITHOUT_KEY });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^mediamtx\.yml:11: .*permissions/);
  const cured = LIST_WITHOUT_KEY.replace("  # and what", "  permissions:\n  # and what");
  const program = await startCamgate(t, { config: `${cured}${ALL_OTHERS}` });
  await withClip(t, program, "cam");
  assert.equal((await probe(t, program.url("cam"))).length, 1);
});
