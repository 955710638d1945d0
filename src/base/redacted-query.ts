// Queries that carry credentials, as they may be shown.

/** The parameters in which clients of RTSP and RTMP send secrets. */
const SECRETS = /(^|&)(jwt|pass|password|token)=[^&]*/gi;

/** A raw query, without `?`, with `***` for each secret. */
export function redactedQuery(query: string): string {
  return query.replace(SECRETS, "$1$2=***");
}
