// Which way SRTP is computed: by OpenSSL's own functions where koffi reaches them, else through node:crypto.
import { NATIVE_VARIABLE } from "./ladder.ts";
import { loadOpenSsl, type OpenSsl } from "./openssl.ts";
import { computesRightly } from "./openssl-check.ts";
import { CipherBench, type CipherKeys, type OpenSslCipher } from "./openssl-cipher.ts";
import { OpenSslCounterMode } from "./openssl-counter-mode.ts";
import { OpenSslGcm } from "./openssl-gcm.ts";

export interface SrtpStatus {
  readonly rung: "openssl" | "node:crypto";
  /** Why it is not `openssl`. */
  readonly reason?: string;
}

/** `makeCipher` is undefined on the lower rung. `nonce` is kept, and read at each call. */
export interface SrtpLadder {
  readonly status: SrtpStatus;
  readonly makeCipher: ((keys: CipherKeys, nonce: Buffer) => OpenSslCipher) | undefined;
}

let opening: Promise<SrtpLadder> | undefined;
let status: SrtpStatus = { rung: "node:crypto", reason: "nothing was protected yet" };

/** Made at the first call, the same for the life of the process. Never rejects. */
export function openSrtpLadder(): Promise<SrtpLadder> {
  opening ??= findSrtpLadder(process.env[NATIVE_VARIABLE]).then((ladder) => {
    status = ladder.status;
    return ladder;
  });
  return opening;
}

/** What `openSrtpLadder` found. */
export function srtpStatus(): SrtpStatus {
  return status;
}

/** The ladder where the environment wants `wanted`. */
export async function findSrtpLadder(wanted: string | undefined, load: () => Promise<OpenSsl | string> = loadOpenSsl): Promise<SrtpLadder> {
  if (wanted === "off") return plain(`${NATIVE_VARIABLE}=off`);
  const openSsl = await load();
  if (typeof openSsl === "string") return plain(openSsl);
  const bench = new CipherBench(openSsl);
  if (!computesRightly(bench)) return plain("OpenSSL gives other results than it should");
  return {
    status: { rung: "openssl" },
    makeCipher: (keys, nonce) => (keys.profile.aead ? new OpenSslGcm(bench, keys, nonce) : new OpenSslCounterMode(bench, keys, nonce)),
  };
}

function plain(reason: string): SrtpLadder {
  return { status: { rung: "node:crypto", reason }, makeCipher: undefined };
}
