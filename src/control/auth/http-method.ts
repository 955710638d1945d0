// Authentication by a HTTP server that is asked for each login (`authMethod: http`), in MediaMTX's words.
import { bareAddress } from "#base/address-group.ts";
import { type AuthMethod, type AuthRequest, type GrantProof, quotedName, type Verdict } from "./access-question.ts";
import { type Login, loginOf, tokenOf } from "./login.ts";
import type { Permissions } from "./permissions.ts";
import { askService } from "./service-request.ts";

export interface HttpMethodOptions {
  readonly url: string;
  /** SHA-256 of its certificate; empty: the usual authorities. */
  readonly fingerprint: string;
  /** What is open without asking. */
  readonly exclude: Permissions;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told when the server could not be asked. */
  readonly onFault: (text: string) => void;
}

/** Of an answer that refuses; MediaMTX's limit. */
const MAX_REPLY_BYTES = 131_072;
const MAX_LOGGED_LENGTH = 256;
const MAX_UNDER_WAY = 256;

export class HttpMethod implements AuthMethod {
  readonly #options: HttpMethodOptions;
  readonly #key: string;
  #underWay = 0;

  constructor(options: HttpMethodOptions) {
    this.#options = options;
    this.#key = JSON.stringify(["http", options.url, options.fingerprint]);
  }

  isOpen(request: Pick<AuthRequest, "action" | "path">): boolean {
    return this.#options.exclude.allow(request);
  }

  lacksCredentials(request: AuthRequest): boolean {
    const { user, pass } = loginOf(request);
    return user === "" && pass === "" && tokenOf(request) === "";
  }

  async judge(request: AuthRequest): Promise<Verdict> {
    if (this.#underWay >= MAX_UNDER_WAY) return this.#fault("too many logins wait for the authentication server");
    this.#underWay++;
    try {
      return await this.#ask(request, loginOf(request));
    } catch (error) {
      return this.#fault(`the authentication server could not be asked: ${(error as Error).message}`);
    } finally {
      this.#underWay--;
    }
  }

  honours(proof: GrantProof, request: Pick<AuthRequest, "action" | "path">): boolean {
    return this.isOpen(request) || (proof.kind === "service" && proof.key === this.#key);
  }

  async #ask(request: AuthRequest, login: Login): Promise<Verdict> {
    const { url, fingerprint, timeoutMs, signal } = this.#options;
    const body = httpAuthBody(request);
    const maxBytes = (status: number): number => (isAllowed(status) ? 0 : MAX_REPLY_BYTES);
    const reply = await askService({ url, fingerprint, body, timeoutMs, maxBytes, signal });
    if (isAllowed(reply.status)) return { kind: "granted", user: login.user, proof: { kind: "service", key: this.#key } };
    const said = withoutSecrets(reply.body.toString("utf8"), [login.pass, tokenOf(request, login)]).trim();
    const reason = `the authentication server answered ${reply.status}${said === "" ? "" : `: ${said.slice(0, MAX_LOGGED_LENGTH)}`}`;
    // Only 4xx is its word on the client.
    if (reply.status < 400 || reply.status > 499) return this.#fault(reason);
    return { kind: "wrong", reason: `${reason} (user ${quotedName(login.user)})` };
  }

  #fault(reason: string): Verdict {
    this.#options.onFault(reason);
    return { kind: "refused", reason };
  }
}

function isAllowed(status: number): boolean {
  return status >= 200 && status <= 299;
}

/** What MediaMTX posts. */
export function httpAuthBody(request: AuthRequest): string {
  const login = loginOf(request);
  return JSON.stringify({
    ip: bareAddress(request.remote.address),
    user: login.user,
    password: login.pass,
    token: tokenOf(request, login),
    action: request.action,
    path: request.path,
    protocol: request.protocol,
    id: request.id === "" ? null : request.id,
    query: request.query,
    userAgent: request.userAgent ?? "",
  });
}

/** A server that repeats what it was sent does not get it into our log. */
function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.filter((secret) => secret !== "").reduce((rest, secret) => rest.replaceAll(secret, "***"), text);
}
