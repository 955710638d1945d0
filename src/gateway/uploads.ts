// Sends files of commands to servers: where the config allows, with the gateway's certificate, held back and taken up again.
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createSecureContext, rootCertificates, type SecureContext } from "node:tls";
import { destinationFault } from "#base/destination.ts";
import { CallerFault, errorText } from "#base/errors.ts";
import type { SendableFile, SendFile, UploadWish } from "#commands/upload-input.ts";
import { readLinkFiles } from "#fleet/link-files.ts";
import { BytePace } from "#http/byte-pace.ts";
import { openDestination } from "#http/destination-put.ts";
import { partCount, putResumably } from "#http/resumable-put.ts";
import type { GatewayContext } from "./context.ts";

export function fileSender(context: Pick<GatewayContext, "fs" | "config" | "clock" | "fleet">): SendFile {
  return async (wish, file, { signal, progress }) => {
    const { destinationHosts: hosts } = context.config.global;
    if (hosts.length === 0)
      throw new CallerFault(
        "unauthorized",
        "dest: nothing is sent from here: destinationHosts in the gateway's config names no host",
        "dest",
      );
    const wrong = destinationFault(new URL(wish.url).hostname, hosts);
    if (wrong !== undefined) throw new CallerFault("unauthorized", `dest.put: ${wrong}`, "dest.put");
    const secureContext = await secureContextOf(context);
    progress(0, "reading");
    const sha256 = await digestOf(file, signal);
    const { url, headers, partBytes } = wish;
    const destination = openDestination({
      url,
      headers: { ...(!hasType(headers) && { "Content-Type": file.mediaType }), ...headers },
      allowed: () => context.config.global.destinationHosts,
      secureContext,
    });
    const parts = partCount(file.sizeBytes, partBytes);
    try {
      await putResumably(
        {
          send: destination.send,
          file: { sizeBytes: file.sizeBytes, sha256, bytes: counted(pacedBytes(wish, file, context), context) },
          partBytes,
          onProgress: (sentBytes, part) => progress((sentBytes * 100) / Math.max(1, file.sizeBytes), `uploading part ${part}/${parts}`),
          nowMs: () => nowMs(context),
          utcMs: () => context.clock.utcOf(context.clock.nowUs()).utcUs / 1000,
          sleep: pause,
          random: Math.random,
        },
        signal,
      );
    } finally {
      destination.close();
    }
    return { parts, bytes: file.sizeBytes, sha256 };
  };
}

/** Who vouches for servers: the system's authorities, and that of the broker; our certificate, for those that ask for one. */
async function secureContextOf({ fs, config, fleet }: Pick<GatewayContext, "fs" | "config" | "fleet">): Promise<SecureContext> {
  const { ca, cert, key } = config.global.mqtt;
  try {
    const files = await readLinkFiles(fs, { ca, cert, key, username: "", passwordFile: "" });
    // Once it was renewed over the link, that of the files is revoked.
    const { tls } = fleet?.certificates.settled(files) ?? files;
    const trusted = tls.ca === undefined ? {} : { ca: [...rootCertificates, tls.ca] };
    return createSecureContext({ ...tls, ...trusted, minVersion: "TLSv1.2" });
  } catch (error) {
    throw new CallerFault("not-configured", `the gateway cannot connect to servers: ${errorText(error)}`);
  }
}

async function digestOf({ sizeBytes, bytes }: SendableFile, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of bytes(0, sizeBytes, signal)) hash.update(chunk);
  signal.throwIfAborted();
  return hash.digest("hex");
}

function pacedBytes({ maxKbps }: UploadWish, file: SendableFile, context: Pick<GatewayContext, "clock">): SendableFile["bytes"] {
  if (maxKbps === undefined) return (start, end, signal) => file.bytes(start, end, signal);
  const pace = new BytePace({ kbps: maxKbps, nowMs: () => nowMs(context), sleep: pause });
  return (start, end, signal) => pace.slow(file.bytes(start, end, signal), signal);
}

/** What goes up counts for the day, with what goes over the link. */
function counted(bytes: SendableFile["bytes"], context: Pick<GatewayContext, "fleet">): SendableFile["bytes"] {
  return async function* (start, end, signal) {
    for await (const chunk of bytes(start, end, signal)) {
      context.fleet?.countSent(chunk.length);
      yield chunk;
    }
  };
}

function hasType(headers: Readonly<Record<string, string>>): boolean {
  return Object.keys(headers).some((name) => name.toLowerCase() === "content-type");
}

function nowMs({ clock }: Pick<GatewayContext, "clock">): number {
  return clock.nowUs() / 1000;
}

/** Rejects with the signal's reason when it is aborted. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((error: unknown) => {
    throw signal.aborted ? signal.reason : error;
  });
}
