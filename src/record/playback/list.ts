// GET /list: the spans of a path, as MediaMTX lists them, with what is known of their time.
import { pageOf } from "#http/page.ts";
import { type HttpExchange, sendJson } from "#http/server.ts";
import type { RecordingIndex, Span } from "../recording-index.ts";
import { EmptyClip } from "./no-clip.ts";
import type { ListQuery } from "./playback-query.ts";
import { writeTime } from "./time-text.ts";

/** One of the list; what is beyond MediaMTX comes behind. */
interface ListEntry {
  readonly start: string;
  /** Seconds. */
  readonly duration: number;
  /** Of the span as it is played; it ends where it is listed to end. */
  readonly url: string;
  readonly timeQuality: Span["timeQuality"];
  /** Whole. */
  readonly timeErrorMs?: number;
}

/** Rejects with EmptyClip when there is nothing. */
export async function sendList(exchange: HttpExchange, index: RecordingIndex, path: string, query: ListQuery): Promise<void> {
  const { fromUtcUs, toUtcUs, page } = query;
  const bounds = { ...(fromUtcUs !== undefined && { fromUtcUs }), ...(toUtcUs !== undefined && { toUtcUs }) };
  const spans = (await index.spans(path, bounds)).filter(({ durationUs }) => durationUs > 0);
  if (spans.length === 0) throw new EmptyClip();
  const entry = (span: Span): ListEntry => entryOf(span, exchange.publicUrl);
  if (page === undefined) sendJson(exchange.response, 200, spans.map(entry));
  else {
    const { items, ...counts } = pageOf(spans, page);
    sendJson(exchange.response, 200, { ...counts, items: items.map(entry) });
  }
}

function entryOf({ path, startUtcUs, durationUs, timeQuality, timeErrorMs }: Span, publicUrl: string): ListEntry {
  const start = writeTime(startUtcUs);
  const duration = Math.round(durationUs) / 1e6;
  // In the order of the alphabet, as Go writes them.
  const query = new URLSearchParams({ duration: String(duration), path, start });
  return {
    start,
    duration,
    url: `${publicUrl}/get?${query}`,
    timeQuality,
    ...(timeErrorMs !== undefined && { timeErrorMs: Math.ceil(timeErrorMs) }),
  };
}
