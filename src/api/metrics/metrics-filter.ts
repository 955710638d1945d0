// Which metrics a request asks for: MediaMTX's query parameters.

/** One for each kind of item; `path` is a name, the others are ids, or names of what has no id. */
const ITEM_PARAMETERS = [
  "path",
  "forward_dest",
  "hls_muxer",
  "hls_session",
  "rtsp_conn",
  "rtsp_session",
  "rtsps_conn",
  "rtsps_session",
  "rtmp_conn",
  "rtmps_conn",
  "srt_conn",
  "webrtc_session",
  "moq_session",
] as const;

export type ItemParameter = (typeof ITEM_PARAMETERS)[number];

export interface MetricsFilter {
  /** `paths`, `rtsp_conns`, …; undefined: every type. */
  readonly type: string | undefined;
  /** Items that were asked for. One of any kind silences everything that is not about items of that kind. */
  readonly items: ReadonlyMap<ItemParameter, string>;
}

/** A parameter that is empty is not there, as in MediaMTX; of several with one name the first counts. */
export function parseMetricsFilter(query: URLSearchParams): MetricsFilter {
  const items = new Map<ItemParameter, string>();
  for (const parameter of ITEM_PARAMETERS) {
    const wanted = query.get(parameter);
    if (wanted) items.set(parameter, wanted);
  }
  return { type: query.get("type") || undefined, items };
}

/** `parameter`: of the items that the group is about; undefined where it is about none. */
export function wantsGroup({ type, items }: MetricsFilter, group: string, parameter: ItemParameter | undefined): boolean {
  if (type !== undefined && type !== group) return false;
  return items.size === 0 || (parameter !== undefined && items.has(parameter));
}
