// A message as it waits in the outbox: without its envelope, which says the session and the time as they are known when it is sent.
import type { Happened } from "./envelope.ts";
import type { UpTopic } from "./topics.ts";

export interface Upload {
  readonly topic: UpTopic;
  /** Of an answer: where it was asked to go. */
  readonly to?: string;
  /** Of an answer: the request that it is for. */
  readonly correlation?: string;
  readonly happened: Happened;
  readonly body: Readonly<Record<string, unknown>>;
}

export function writeUpload(upload: Upload): Buffer {
  return Buffer.from(JSON.stringify(upload));
}

/** Undefined: it is not what this version writes. */
export function parseUpload(payload: Buffer): Upload | undefined {
  try {
    const upload = JSON.parse(payload.toString("utf8")) as Partial<Upload> | null;
    const { bootCounter, monoUs } = upload?.happened ?? {};
    const isWhole = typeof upload?.topic === "string" && typeof upload.body === "object" && upload.body !== null;
    return isWhole && Number.isFinite(bootCounter) && Number.isFinite(monoUs) ? (upload as Upload) : undefined;
  } catch {
    return undefined;
  }
}
