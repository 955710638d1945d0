// A request at the one door: whoever may not in has its answer, and the log has the reason.
import type { HttpCredentials } from "./credentials.ts";
import { type HttpDenial, sendDenial } from "./denial.ts";
import type { HttpExchange } from "./server.ts";

/** Fits the access question of the relay. */
export interface HttpAccessRequest<Action extends string> {
  readonly action: Action;
  readonly path: string;
  readonly protocol: "";
  readonly remote: HttpExchange["remote"];
  readonly query: string;
  readonly id: "";
  readonly userAgent?: string;
  readonly credentials: HttpCredentials;
}

/** Fits what the relay says. */
type HttpAccessAnswer = { readonly allowed: true } | (HttpDenial & { readonly allowed: false; readonly reason: string });

/** What is asked for; `credentials` where they are not those of the header alone. */
export interface Wish<Action extends string> {
  readonly action: Action;
  readonly path?: string;
  readonly credentials?: HttpCredentials;
}

/** Resolves with undefined when the client has its answer: it may not in, or is gone. */
export async function admit<Action extends string, Answer extends HttpAccessAnswer>(
  exchange: HttpExchange,
  { action, path = "", credentials = exchange.credentials }: Wish<Action>,
  authorize: (request: HttpAccessRequest<Action>) => Promise<Answer>,
  log: { warn(message: string): void },
): Promise<Extract<Answer, { readonly allowed: true }> | undefined> {
  const { request, response, remote, rawQuery: query, signal } = exchange;
  const userAgent = request.headers["user-agent"];
  const answer = await authorize({
    action,
    path,
    protocol: "",
    remote,
    query,
    id: "",
    ...(userAgent !== undefined && { userAgent }),
    credentials,
  });
  if (answer.allowed) return answer as Extract<Answer, { readonly allowed: true }>;
  if (!answer.challenge) log.warn(`connection ${remote.address} failed to authenticate: ${answer.reason}`);
  await sendDenial(response, answer, signal);
  return undefined;
}
