// WHIP (RFC 9725) and WHEP over HTTP, with MediaMTX's statuses, headers and words.
import { CallerFault } from "#base/errors.ts";
import { sendDenial } from "#http/denial.ts";
import { HttpFault } from "#http/http-fault.ts";
import { readText } from "#http/request-text.ts";
import { type HttpExchange, sendJson } from "#http/server.ts";
import { AccessDenied } from "#relay/access.ts";
import { iceServerLinks } from "./ice-servers.ts";
import { parseSdpFragment, writeSdpFragment } from "./sdp-fragment.ts";
import type { Answered, WebRtcContext } from "./server-context.ts";

const MAX_BODY_BYTES = 128 * 1024;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export type OpenSession = (exchange: HttpExchange, path: string, offer: string) => Promise<Answered>;

interface Endpoint {
  readonly path: string;
  readonly protocol: "whip" | "whep";
  /** undefined: the endpoint itself; else what stands behind it. */
  readonly secret: string | undefined;
}

/** `/<path>/whip`, `/<path>/whep/<secret>`; undefined: something else. */
export function endpointOf(path: string): Endpoint | undefined {
  const match = /^\/(.+?)\/(whip|whep)(?:\/([^/]*))?$/.exec(path);
  return match === null ? undefined : { path: decoded(match[1]!), protocol: match[2] as Endpoint["protocol"], secret: match[3] };
}

export class WebRtcHttpHandler {
  readonly #context: WebRtcContext;
  readonly #open: Readonly<Record<Endpoint["protocol"], OpenSession>>;

  constructor(context: WebRtcContext, open: Readonly<Record<Endpoint["protocol"], OpenSession>>) {
    this.#context = context;
    this.#open = open;
  }

  async handle(exchange: HttpExchange): Promise<void> {
    const endpoint = endpointOf(exchange.path);
    try {
      if (endpoint === undefined) await this.#serveOther(exchange);
      else if (endpoint.secret === undefined) await this.#serveEndpoint(exchange, endpoint);
      else await this.#serveSession(exchange, endpoint, endpoint.secret);
    } catch (error) {
      if (error instanceof AccessDenied) await sendDenial(exchange.response, error.denial, exchange.signal);
      else if (error instanceof CallerFault) throw new HttpFault(error.code === "no-stream" ? 404 : 400, error.message);
      else throw error;
    }
  }

  async #serveEndpoint(exchange: HttpExchange, { path, protocol }: Endpoint): Promise<void> {
    const { request, response, remote, rawQuery: query, credentials } = exchange;
    if (request.method === "OPTIONS") {
      const action = protocol === "whip" ? "publish" : "read";
      const userAgent = request.headers["user-agent"] ?? "";
      await this.#context.options.registry.permit({ action, path, protocol: "webrtc", remote, query, id: "", userAgent, credentials });
      response.setHeader("Access-Control-Expose-Headers", "Accept-Post, Link");
      response.setHeader("Accept-Post", "application/sdp");
      this.#setLinks(exchange);
      response.writeHead(204).end();
      return;
    }
    if (request.method !== "POST") throw new HttpFault(405, `method ${request.method} is not allowed here`);
    checkType(exchange, "application/sdp");
    const { session, sdp } = await this.#open[protocol](exchange, path, await readText(request, MAX_BODY_BYTES, 400));
    response.setHeader("Access-Control-Expose-Headers", "ETag, ID, Accept-Patch, Link, Location");
    response.setHeader("ETag", "*");
    response.setHeader("ID", session.id);
    response.setHeader("Accept-Patch", "application/trickle-ice-sdpfrag");
    this.#setLinks(exchange);
    response.setHeader("Location", `/${path}/${protocol}/${session.secret}${query === "" ? "" : `?${query}`}`);
    sendText(exchange, 201, "application/sdp", sdp);
  }

  /** Who knows the secret is the client: nothing else is asked for. */
  async #serveSession(exchange: HttpExchange, { path, protocol }: Endpoint, secret: string): Promise<void> {
    const { request, response } = exchange;
    if (request.method !== "PATCH" && request.method !== "DELETE") throw new HttpFault(405, `method ${request.method} is not allowed here`);
    if (!UUID.test(secret)) throw new HttpFault(400, "invalid secret: it is no UUID");
    const session = this.#context.findSession(secret.toLowerCase());
    const state = protocol === "whip" ? "publish" : "read";
    if (session === undefined || session.path !== path || session.state !== state) throw new HttpFault(404, "session not found");
    if (request.method === "DELETE") {
      session.end("the client closed it");
      sendJson(response, 200, { status: "ok" });
      return;
    }
    checkType(exchange, "application/trickle-ice-sdpfrag");
    const fragment = parseSdpFragment(await readText(request, MAX_BODY_BYTES, 400));
    if (fragment === undefined) throw new HttpFault(400, "the body is no SDP fragment");
    const { credentials } = fragment;
    const known = session.agent.remote;
    if (credentials === undefined || (credentials.ufrag === known.ufrag && credentials.password === known.password)) {
      response.writeHead(204).end(); // a lite agent makes no checks: it needs no candidates of the client
      return;
    }
    session.restartIce(credentials);
    const transport = await this.#context.transportOf(session.agent.local);
    const media = session.offer.medias.find(({ usable }) => usable)!;
    response.setHeader("ETag", `"${transport.credentials.ufrag}"`);
    sendText(exchange, 200, "application/trickle-ice-sdpfrag", writeSdpFragment(transport, media.mid, media.kind));
  }

  async #serveOther(exchange: HttpExchange): Promise<void> {
    const { servePage } = this.#context.options;
    if (servePage !== undefined && (await servePage(exchange))) return;
    throw new HttpFault(404, "not found");
  }

  #setLinks({ response }: HttpExchange): void {
    const links = iceServerLinks(this.#context.options.iceServers, Date.now());
    if (links.length > 0) response.setHeader("Link", links as string[]);
  }
}

/** Parameters of the type do not matter. */
function checkType({ request }: HttpExchange, wanted: string): void {
  const type = request.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
  if (type !== wanted) throw new HttpFault(400, `invalid Content-Type: it must be ${wanted}`);
}

function sendText({ response }: HttpExchange, status: number, type: string, text: string): void {
  const body = Buffer.from(text);
  response.writeHead(status, { "Content-Type": type, "Content-Length": body.length }).end(body);
}

/** A path's name has no escapes; what cannot be decoded is no name either. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
