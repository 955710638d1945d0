// GET /get: footage of a path as one MP4 file.
import type { Log } from "#base/log.ts";
import { type HttpExchange, writeBody } from "#http/server.ts";
import type { RecordingIndex, Span } from "../recording-index.ts";
import { sendBody } from "./body-answer.ts";
import type { BodyCache } from "./body-cache.ts";
import type { ClipBody } from "./clip-body.ts";
import type { ClipWish } from "./clip-reader.ts";
import { openFmp4Clip, streamFmp4 } from "./fmp4-clip.ts";
import { FootageChanged } from "./frame-fetcher.ts";
import { DEFAULT_LIMITS, openMp4Clip } from "./mp4-clip.ts";
import { EmptyClip, TooLongClip } from "./no-clip.ts";
import type { GetQuery } from "./playback-query.ts";
import { fileTime } from "./time-text.ts";

/** A plain MP4 of more footage has too long an index. */
const MAX_MP4_US = 24 * 3.6e9;
/** Reading so much before the first byte is sent takes no time that a viewer minds. */
const MAX_FMP4_WITH_PARTS_BYTES = 64 * 2 ** 20;

export interface GetParts {
  readonly cache: BodyCache;
  readonly log: Log;
}

/** Rejects with EmptyClip or TooLongClip before the first byte. */
export async function sendClip(
  exchange: HttpExchange,
  index: RecordingIndex,
  path: string,
  query: GetQuery,
  { cache, log }: GetParts,
): Promise<void> {
  const { fromUtcUs, toUtcUs, format, skipGaps, choice } = query;
  const extent = extentOf(await index.spans(path, { fromUtcUs, toUtcUs }), query);
  const wish: ClipWish = { path, fromUtcUs, toUtcUs, skipGaps, choice };
  const headers = { "Content-Type": "video/mp4", ...dispositionOf(path, query) };
  const { request } = exchange;
  if (format === "mp4") {
    if (extent.durationUs > MAX_MP4_US) throw new TooLongClip();
    await sendKept((signal) => openMp4Clip(index, wish, DEFAULT_LIMITS, signal));
  } else if (request.headers.range !== undefined && extent.isClosed && extent.sizeBytes <= MAX_FMP4_WITH_PARTS_BYTES) {
    await sendKept((signal) => openFmp4Clip(index, wish, extent.durationUs / 1000, signal));
  } else await sendStream(exchange, index, wish, extent, headers);

  async function sendKept(open: (signal: AbortSignal) => Promise<ClipBody>): Promise<void> {
    const key = JSON.stringify([wish, format]);
    if (!extent.isClosed && isFromStart(request.headers.range)) cache.forget(key); // it has grown since
    const body = await withoutTimeout(exchange, () => cache.get(key, exchange.signal, open));
    try {
      await sendBody(exchange, body, headers);
    } catch (error) {
      if (!(error instanceof FootageChanged)) throw error;
      cache.forget(key);
      log.warn(`${path}: ${error.message}`);
      exchange.response.destroy();
    }
  }
}

async function sendStream(
  { request, response, signal }: HttpExchange,
  index: RecordingIndex,
  wish: ClipWish,
  { durationUs, isClosed }: Extent,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const durationMs = isClosed ? durationUs / 1000 : 0;
  for await (const buffers of streamFmp4(index, wish, durationMs, signal)) {
    if (!response.headersSent) response.writeHead(200, { ...headers, "Accept-Ranges": "none" });
    if (request.method === "HEAD") break;
    for (const bytes of buffers) await writeBody(response, bytes, signal);
  }
  response.end();
}

interface Extent {
  /** How long the clip will be, about. */
  readonly durationUs: number;
  readonly sizeBytes: number;
  /** Nothing will be added to it. */
  readonly isClosed: boolean;
}

/** Throws an EmptyClip where there is nothing. */
function extentOf(spans: readonly Span[], { fromUtcUs, toUtcUs, skipGaps }: GetQuery): Extent {
  const [first] = spans;
  if (first === undefined) throw new EmptyClip();
  const played = skipGaps ? spans : [first];
  const hasLead = !skipGaps && first.startUtcUs > fromUtcUs;
  let durationUs = hasLead ? first.startUtcUs - fromUtcUs : 0;
  let sizeBytes = 0;
  for (const span of played) {
    durationUs += span.durationUs;
    sizeBytes += span.sizeBytes;
  }
  const isRecorded = played.every((span) => !span.open || endOf(span) >= toUtcUs);
  const canGoOn = skipGaps && endOf(played.at(-1)!) < toUtcUs && toUtcUs > Date.now() * 1000;
  return { durationUs, sizeBytes, isClosed: isRecorded && !canGoOn };
}

function endOf({ startUtcUs, durationUs }: Span): number {
  return startUtcUs + durationUs;
}

function dispositionOf(path: string, { download, fromUtcUs }: GetQuery): Record<string, string> {
  if (!download) return {};
  return { "Content-Disposition": `attachment; filename="${path.replaceAll("/", "_")}_${fileTime(fromUtcUs)}.mp4"` };
}

function isFromStart(range: string | undefined): boolean {
  return range === undefined || /^bytes\s*=\s*0\s*-/i.test(range);
}

/** Reading a long clip may take longer than a connection may be silent. */
async function withoutTimeout<T>({ request }: HttpExchange, task: () => Promise<T>): Promise<T> {
  const { socket } = request;
  const timeoutMs = socket.timeout ?? 0;
  socket.setTimeout(0);
  try {
    return await task();
  } finally {
    socket.setTimeout(timeoutMs);
  }
}
