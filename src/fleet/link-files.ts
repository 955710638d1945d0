// What the link reads from files before each attempt to connect: certificates and passwords are replaced while the gateway runs.
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { resolve } from "node:path";
import { errorText } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import type { LinkCredentials } from "./fleet-link.ts";

/** Paths; empty: none. */
export interface LinkFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly username: string;
  readonly passwordFile: string;
}

const MAX_FILE_BYTES = 256 * 1024;

/** Rejects with words that name the setting and the file. */
export async function readLinkFiles(fs: FsPort, files: LinkFiles): Promise<LinkCredentials> {
  const [ca, cert, key] = [await read(fs, files, "ca"), await read(fs, files, "cert"), await read(fs, files, "key")];
  const password = (await read(fs, files, "passwordFile"))?.toString("utf8").replace(/\r?\n$/, "");
  if (ca !== undefined) certificateOf(files, "ca", ca);
  const own = cert && certificateOf(files, "cert", cert);
  const secret = key && keyOf(files, key);
  if (own !== undefined && secret !== undefined && !own.checkPrivateKey(secret))
    throw new Error(`mqtt.key: ${files.key} is not the key of the certificate in ${files.cert}`);
  return {
    tls: { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) },
    ...(files.username !== "" && { username: files.username }),
    ...(password !== undefined && { password }),
  };
}

/** Undefined: none is set. */
async function read(fs: FsPort, files: LinkFiles, name: keyof LinkFiles): Promise<Buffer | undefined> {
  const path = files[name];
  if (path === "") return undefined;
  try {
    const bytes = await readSmallFile(fs, resolve(path), MAX_FILE_BYTES);
    if (bytes === undefined) throw new Error("there is no such file");
    return bytes;
  } catch (error) {
    throw new Error(`mqtt.${name}: ${path} cannot be read: ${errorText(error)}`);
  }
}

/** The first one in the file. */
function certificateOf(files: LinkFiles, name: "ca" | "cert", pem: Buffer): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new Error(`mqtt.${name}: ${files[name]} holds no certificate in PEM`);
  }
}

function keyOf({ key: path }: LinkFiles, pem: Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new Error(`mqtt.key: ${path} holds no private key in PEM, or one with a pass phrase`);
  }
}
