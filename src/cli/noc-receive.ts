// `camgate noc receive`: takes clips and bundles of gateways over HTTPS, and gives leave to send them.
import { join } from "node:path";
import { CallerFault, errorText } from "#base/errors.ts";
import { formatAddress } from "#base/listen-address.ts";
import type { Log, LogLevel } from "#base/log.ts";
import { humanLine, safeText } from "#base/log-line.ts";
import { NodeFs } from "#base/node-fs.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { parseSize } from "#config/size.ts";
import { Certificate } from "#http/certificate.ts";
import { checkGrant, USUAL_PART_MB, uploadGrant } from "#noc/upload-grant.ts";
import { UploadReceiver } from "#noc/upload-receiver.ts";
import { UploadStore } from "#noc/upload-store.ts";
import { openUploadKey } from "#noc/upload-tokens.ts";
import { folderOf, listenOf, type NocCall, numberOf, parseNocWords, readNamed, textOf, UsageFault, type Values } from "./noc-options.ts";
import type { Output } from "./output.ts";

const OPTIONS = {
  listen: { type: "string" },
  folder: { type: "string" },
  "tls-cert": { type: "string" },
  "tls-key": { type: "string" },
  "client-ca": { type: "string" },
  crl: { type: "string" },
  quota: { type: "string" },
  "max-file": { type: "string" },
  url: { type: "string" },
  ttl: { type: "string" },
  "part-mb": { type: "string" },
} as const;

const MAX_PEM_BYTES = 1 << 20;

export async function runNocReceive(words: readonly string[], call: NocCall): Promise<number> {
  const { values, positionals } = parseNocWords(words, OPTIONS, call);
  const [action, name, ...more] = positionals;
  if (action === "grant" && name !== undefined && more.length === 0) return grant(name, values, call.out);
  if (action !== undefined) throw new UsageFault("receive takes no words, and receive grant one: the name of the file");
  return receive(values, call);
}

/** What a command's `dest` has to say, for one file. */
async function grant(name: string, values: Values, out: Output): Promise<number> {
  const url = textOf(values, "url") ?? "";
  checkGrant({ url, name }, { url: "--url", name: "name" });
  const ttlS = numberOf(values, "ttl", 86_400, 60, 31_536_000);
  const partMb = numberOf(values, "part-mb", USUAL_PART_MB, 1, 1024);
  if (!Number.isInteger(partMb)) throw new CallerFault("invalid", "--part-mb: has to be a whole number", "part-mb");
  const key = await openUploadKey(new NodeFs(), folderOf(values));
  out.line(JSON.stringify(uploadGrant(key, { url, name, untilMs: Date.now() + ttlS * 1000, partMb })));
  return 0;
}

/** Until it is interrupted. */
async function receive(values: Values, { out, signal }: NocCall): Promise<number> {
  const fs = new NodeFs();
  const { host, port } = listenOf(values, "127.0.0.1:8443");
  const folder = textOf(values, "folder");
  if (folder === undefined) throw new CallerFault("invalid", "--folder: has to be given: files are written below it", "folder");
  const sizes = { quotaBytes: sizeOf(values, "quota", "20G"), maxFileBytes: sizeOf(values, "max-file", "4G") };
  const log = logTo(out);
  const ca = join(folderOf(values), "ca");
  const authority = await pemOf(values, "client-ca", join(ca, "ca.pem"));
  // The list of our own CA says nothing about certificates of another one.
  const revoked = await pemOf(values, "crl", textOf(values, "client-ca") === undefined ? join(ca, "ca.crl") : undefined);
  const certificate = await Certificate.open({
    certFile: textOf(values, "tls-cert") ?? join(ca, "receiver.crt"),
    keyFile: textOf(values, "tls-key") ?? join(ca, "receiver.key"),
    certSetting: "--tls-cert",
    keySetting: "--tls-key",
    log,
  }).catch((error: unknown) => {
    throw new CallerFault("invalid", `${errorText(error)}; camgate noc enrol receiver <host> makes a pair`);
  });
  try {
    const receiver = new UploadReceiver({
      store: await UploadStore.open({ fs, folder, ...sizes, nowMs: Date.now }),
      tls: certificate.pair,
      clientAuthority: authority,
      revoked,
      tokenKey: await openUploadKey(fs, folderOf(values)),
      nowMs: Date.now,
      log,
      onReceived: ({ path, sizeBytes, sha256, by }) => log.info(`${path} ${sizeBytes} bytes, sha256 ${sha256}, by ${by}`),
    });
    const taken = await receiver.listen(port, host).catch((error: unknown) => {
      throw new CallerFault("invalid", `--listen: ${errorText(error)}`, "listen");
    });
    certificate.serve(receiver);
    out.line(`https://${formatAddress(host, taken)}: files go to ${folder}`);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve());
    });
    await receiver.close();
    return 0;
  } finally {
    certificate.close();
  }
}

function sizeOf(values: Values, name: string, usual: string): number {
  const text = textOf(values, name) ?? usual;
  const bytes = parseSize(text);
  if (bytes === undefined || bytes === 0) throw new CallerFault("invalid", `--${name}: '${text}' is no size such as ${usual}`, name);
  return bytes;
}

/** That which is named, else `usual` where there is one. */
async function pemOf(values: Values, name: string, usual: string | undefined): Promise<Buffer | undefined> {
  const named = textOf(values, name);
  if (named !== undefined) return await readNamed(named, MAX_PEM_BYTES, name);
  return usual === undefined ? undefined : await readSmallFile(new NodeFs(), usual, MAX_PEM_BYTES);
}

/** What an operator is to see of it, in lines such as a gateway logs. */
function logTo(out: Output): Log {
  const at =
    (level: LogLevel) =>
    (text: string): void =>
      out.line(humanLine({ time: new Date(), level, text: safeText(text) }));
  const log: Log = { debug: () => {}, info: at("info"), warn: at("warn"), error: at("error"), child: () => log };
  return log;
}
