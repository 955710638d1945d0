// RTSP requests and responses as values, and their bytes: RFC 2326 §4, §6, §7.

/** A body that is not there. Shared: do not write into it. */
export const NO_BODY = Buffer.alloc(0);

/**
 * Header fields in the order they came. Names compare case-insensitively (§4.2), and a name may stand several times, as
 * `WWW-Authenticate` does when a server offers several schemes.
 */
export class RtspHeaders {
  readonly #fields: [name: string, value: string][] = [];

  /** Fields from name and value pairs, in order; a list stands for one field per value. */
  static of(fields: Readonly<Record<string, string | readonly string[] | undefined>>): RtspHeaders {
    const headers = new RtspHeaders();
    for (const [name, value] of Object.entries(fields)) {
      if (value === undefined) continue;
      for (const one of typeof value === "string" ? [value] : value) headers.add(name, one);
    }
    return headers;
  }

  get size(): number {
    return this.#fields.length;
  }

  /** The first value of that name. */
  get(name: string): string | undefined {
    const wanted = name.toLowerCase();
    return this.#fields.find(([known]) => known.toLowerCase() === wanted)?.[1];
  }

  /** Every value of that name, in order; a list that one field carries is not split. */
  getAll(name: string): readonly string[] {
    const wanted = name.toLowerCase();
    return this.#fields.filter(([known]) => known.toLowerCase() === wanted).map(([, value]) => value);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  add(name: string, value: string): void {
    this.#fields.push([name, value]);
  }

  /** Replaces every field of that name with one. */
  set(name: string, value: string): void {
    this.delete(name);
    this.add(name, value);
  }

  delete(name: string): void {
    const unwanted = name.toLowerCase();
    for (let i = this.#fields.length - 1; i >= 0; i--) {
      if (this.#fields[i]![0].toLowerCase() === unwanted) this.#fields.splice(i, 1);
    }
  }

  *[Symbol.iterator](): Generator<readonly [name: string, value: string]> {
    yield* this.#fields;
  }
}

export interface RtspRequest {
  /** Upper case as on the wire: methods are case-sensitive (§6.1). */
  readonly method: string;
  /** As it stands in the start line: an absolute URL, `*`, or (from some clients) a path. */
  readonly url: string;
  readonly headers: RtspHeaders;
  readonly body: Buffer;
}

export interface RtspResponse {
  readonly status: number;
  readonly reason: string;
  readonly headers: RtspHeaders;
  readonly body: Buffer;
}

/** §10, with the methods of ONVIF-era clients and servers; what a start line may begin with when a stream is searched for messages. */
export const RTSP_METHODS: readonly string[] = [
  "ANNOUNCE",
  "DESCRIBE",
  "GET_PARAMETER",
  "OPTIONS",
  "PAUSE",
  "PLAY",
  "RECORD",
  "REDIRECT",
  "SETUP",
  "SET_PARAMETER",
  "TEARDOWN",
];

/** §7.1.1. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [100, "Continue"],
  [200, "OK"],
  [201, "Created"],
  [250, "Low on Storage Space"],
  [300, "Multiple Choices"],
  [301, "Moved Permanently"],
  [302, "Moved Temporarily"],
  [303, "See Other"],
  [304, "Not Modified"],
  [305, "Use Proxy"],
  [400, "Bad Request"],
  [401, "Unauthorized"],
  [402, "Payment Required"],
  [403, "Forbidden"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [406, "Not Acceptable"],
  [407, "Proxy Authentication Required"],
  [408, "Request Time-out"],
  [410, "Gone"],
  [411, "Length Required"],
  [412, "Precondition Failed"],
  [413, "Request Entity Too Large"],
  [414, "Request-URI Too Large"],
  [415, "Unsupported Media Type"],
  [451, "Parameter Not Understood"],
  [452, "Conference Not Found"],
  [453, "Not Enough Bandwidth"],
  [454, "Session Not Found"],
  [455, "Method Not Valid in This State"],
  [456, "Header Field Not Valid for Resource"],
  [457, "Invalid Range"],
  [458, "Parameter Is Read-Only"],
  [459, "Aggregate operation not allowed"],
  [460, "Only aggregate operation allowed"],
  [461, "Unsupported transport"],
  [462, "Destination unreachable"],
  [500, "Internal Server Error"],
  [501, "Not Implemented"],
  [502, "Bad Gateway"],
  [503, "Service Unavailable"],
  [504, "Gateway Time-out"],
  [505, "RTSP Version not supported"],
  [551, "Option not supported"],
]);

/** The reason phrase of a status code; "Unknown" for one that RFC 2326 does not have. */
export function reasonOf(status: number): string {
  return REASONS.get(status) ?? "Unknown";
}

/** A response with the standard reason phrase. */
export function rtspResponse(status: number, headers = new RtspHeaders(), body = NO_BODY): RtspResponse {
  return { status, reason: reasonOf(status), headers, body };
}

/** `Content-Length` is written from the body, whatever the headers say. */
export function writeRequest(request: RtspRequest): Buffer {
  return writeMessage(`${request.method} ${request.url} RTSP/1.0`, request.headers, request.body);
}

/** `Content-Length` is written from the body, whatever the headers say. */
export function writeResponse(response: RtspResponse): Buffer {
  return writeMessage(`RTSP/1.0 ${response.status} ${response.reason}`, response.headers, response.body);
}

function writeMessage(startLine: string, headers: RtspHeaders, body: Buffer): Buffer {
  let head = `${oneLine(startLine)}\r\n`;
  for (const [name, value] of headers) {
    if (name.toLowerCase() !== "content-length") head += `${oneLine(`${name}: ${value}`)}\r\n`;
  }
  if (body.length > 0) head += `Content-Length: ${body.length}\r\n`;
  const headBytes = Buffer.from(`${head}\r\n`, "utf8");
  return body.length > 0 ? Buffer.concat([headBytes, body]) : headBytes;
}

/** Values may carry what a peer or a config said: it must not end the line. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must go
  return text.replace(/[\u0000-\u0008\u000a-\u001f\u007f]/g, " ");
}
