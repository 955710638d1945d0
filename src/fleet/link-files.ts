// What the link reads from files before each attempt to connect: certificates and passwords are replaced while the gateway runs.
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
export async function readLinkFiles(fs: FsPort, { ca, cert, key, username, passwordFile }: LinkFiles): Promise<LinkCredentials> {
  const tls = {
    ...(ca !== "" && { ca: await read(fs, "mqtt.ca", ca) }),
    ...(cert !== "" && { cert: await read(fs, "mqtt.cert", cert) }),
    ...(key !== "" && { key: await read(fs, "mqtt.key", key) }),
  };
  const password =
    passwordFile === "" ? undefined : (await read(fs, "mqtt.passwordFile", passwordFile)).toString("utf8").replace(/\r?\n$/, "");
  return { tls, ...(username !== "" && { username }), ...(password !== undefined && { password }) };
}

async function read(fs: FsPort, setting: string, path: string): Promise<Buffer> {
  try {
    const bytes = await readSmallFile(fs, path, MAX_FILE_BYTES);
    if (bytes === undefined) throw new Error("there is no such file");
    return bytes;
  } catch (error) {
    throw new Error(`${setting}: ${path} cannot be read: ${errorText(error)}`);
  }
}
