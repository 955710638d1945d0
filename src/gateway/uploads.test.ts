// What is refused before anything is read or sent.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { SystemClock } from "#base/clock.ts";
import { NodeFs } from "#base/node-fs.ts";
import { parseConfig } from "#config/parse-config.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import type { GatewayContext } from "./context.ts";
import { fileSender } from "./uploads.ts";

test("no host, another host, an authority that cannot be read: said at once, and the file is not read", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, "bad.pem"), "nothing");
  let reads = 0;
  const send = (text: string, url = "https://127.0.0.1:1/clip.mp4"): Promise<unknown> => {
    const { config, problems } = parseConfig(text, "camgate.yml", {});
    assert.ok(config !== undefined, problems.map(({ message }) => message).join("\n"));
    const context = { config, fs: new NodeFs(), clock: new SystemClock(), fleet: undefined } as unknown as GatewayContext;
    const file = {
      sizeBytes: 10,
      mediaType: "video/mp4",
      bytes: async function* () {
        reads++;
        yield Buffer.alloc(10);
      },
    };
    const wish = { url, headers: {}, partBytes: undefined, maxKbps: undefined };
    return fileSender(context)(wish, file, { signal: new AbortController().signal, progress: () => {} });
  };
  await assert.rejects(send("{}"), { code: "unauthorized", field: "dest", message: /destinationHosts .* names no host/ });
  await assert.rejects(send("destinationHosts: [noc.example]"), {
    code: "unauthorized",
    field: "dest.put",
    message: /^dest\.put: 127\.0\.0\.1 /,
  });
  const broken = `destinationHosts: [127.0.0.1]\nmqtt: {urls: [mqtts://127.0.0.1:1], tenant: acme, ca: ${join(folder, "bad.pem")}}`;
  await assert.rejects(send(broken), { code: "not-configured", message: /mqtt\.ca: .*bad\.pem holds no certificate/ });
  const missing = broken.replace("bad.pem", "none.pem");
  await assert.rejects(send(missing), { code: "not-configured", message: /there is no such file/ });
  assert.equal(reads, 0);
});
