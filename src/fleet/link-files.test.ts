// Files of the link: read again, and judged before a broker sees them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultFs } from "#testing/fault-fs.ts";
import { makeSelfSigned } from "#testing/self-signed.ts";
import { type LinkFiles, readLinkFiles } from "./link-files.ts";

const NONE: LinkFiles = { ca: "", cert: "", key: "", username: "", passwordFile: "" };
const [one, other] = [makeSelfSigned(), makeSelfSigned()];

async function folder(files: Readonly<Record<string, Buffer | string>>): Promise<FaultFs> {
  const fs = new FaultFs();
  await fs.makeFolder("/etc");
  for (const [name, text] of Object.entries(files)) {
    const file = await fs.open(`/etc/${name}`, "create");
    await file.write([Buffer.from(text)], 0);
    await file.close();
  }
  return fs;
}

test("what is set is read, and nothing else", async () => {
  const fs = await folder({ ca: one.cert, cert: one.cert, key: one.key, pass: "secret word\n" });
  assert.deepEqual(await readLinkFiles(fs, NONE), { tls: {} });
  const files = { ca: "/etc/ca", cert: "/etc/cert", key: "/etc/key", username: "gw", passwordFile: "/etc/pass" };
  const { tls, username, password } = await readLinkFiles(fs, files);
  assert.deepEqual([username, password], ["gw", "secret word"]);
  assert.deepEqual(tls, { ca: one.cert, cert: one.cert, key: one.key });
});

test("what is wrong is said with the setting and the file", async () => {
  const fs = await folder({ cert: one.cert, key: one.key, other: other.key, text: "hello", huge: Buffer.alloc(300_000) });
  const rows: readonly [Partial<LinkFiles>, RegExp][] = [
    [{ ca: "/etc/none" }, /^mqtt.ca: \/etc\/none cannot be read: there is no such file$/],
    [{ passwordFile: "/etc/huge" }, /^mqtt.passwordFile: \/etc\/huge cannot be read: it is larger/],
    [{ ca: "/etc/text" }, /^mqtt.ca: \/etc\/text holds no certificate/],
    [{ cert: "/etc/key", key: "/etc/key" }, /^mqtt.cert: \/etc\/key holds no certificate/],
    [{ cert: "/etc/cert", key: "/etc/cert" }, /^mqtt.key: \/etc\/cert holds no private key/],
    [{ cert: "/etc/cert", key: "/etc/other" }, /^mqtt.key: \/etc\/other is not the key of the certificate in \/etc\/cert$/],
  ];
  for (const [files, message] of rows) await assert.rejects(readLinkFiles(fs, { ...NONE, ...files }), { message });
});
