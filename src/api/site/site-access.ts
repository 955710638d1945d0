// Who looks at the site page, and what he may see of it: the door is asked for each camera, and its answers are remembered for a moment.
import type { AuthDenial, AuthGrant, AuthRequest, SuppliedCredentials } from "#control/auth/access-question.ts";
import type { Caller, CommandScope, CommandSight } from "#control/command.ts";
import type { HttpExchange } from "#http/server.ts";

export interface SiteAccessOptions {
  authorize(request: AuthRequest): Promise<AuthGrant | AuthDenial>;
  /** Names of cameras that a user may have a right to. */
  cameras(): readonly string[];
  /** Monotonic. */
  nowMs(): number;
}

/** As long as a removed user may see lists; streams end at once. */
const REMEMBER_MS = 1000;
const MAX_REMEMBERED = 10_000;

export interface Visitor extends Caller {
  /** Empty: nobody is logged in. */
  readonly user: string;
}

type Question = Pick<AuthRequest, "action" | "path">;

export class SiteAccess {
  readonly #options: SiteAccessOptions;
  /** By who asks for what; the oldest first. */
  readonly #answers = new Map<string, { readonly atMs: number; readonly answer: Promise<AuthGrant | AuthDenial> }>();

  constructor(options: SiteAccessOptions) {
    this.#options = options;
  }

  visitorOf(exchange: HttpExchange): Visitor {
    const { credentials, remote } = exchange;
    const user = credentials.kind === "basic" ? credentials.user : "";
    return {
      user,
      name: user === "" ? remote.address : `${user}, ${remote.address}`,
      may: async (scope, path, sight) => (await this.#ask(exchange, questionOf(scope, path, sight))).allowed,
    };
  }

  /** Undefined: there is something that these credentials open. Else how they were refused: the first refusal that tells more than that it is one. */
  async refusalOf(exchange: HttpExchange, credentials: SuppliedCredentials = exchange.credentials): Promise<AuthDenial | undefined> {
    let refusal: AuthDenial | undefined;
    const questions: Question[] = [{ action: "api", path: "" }];
    for (const path of this.#options.cameras()) questions.push({ action: "read", path }, { action: "playback", path });
    for (const question of questions) {
      const answer = await this.#ask(exchange, question, credentials);
      if (answer.allowed) return undefined;
      refusal ??= answer;
      if (answer.isWrong) return answer; // asked again it would count again
    }
    return refusal;
  }

  #ask(
    exchange: HttpExchange,
    question: Question,
    credentials: SuppliedCredentials = exchange.credentials,
  ): Promise<AuthGrant | AuthDenial> {
    const { authorize, nowMs } = this.#options;
    const { remote, rawQuery, request } = exchange;
    const key = JSON.stringify([question.action, question.path, remote.address, credentials]);
    const known = this.#answers.get(key);
    // A login is judged by the users of this moment.
    const isLogin = credentials !== exchange.credentials;
    if (!isLogin && known !== undefined && nowMs() - known.atMs < REMEMBER_MS) return known.answer;
    const protocol = question.action === "read" ? "webrtc" : "";
    const userAgent = request.headers["user-agent"] ?? "";
    const answer = authorize({ ...question, protocol, remote, query: rawQuery, id: "", userAgent, credentials });
    this.#answers.delete(key);
    this.#answers.set(key, { atMs: nowMs(), answer });
    answer.catch(() => this.#answers.delete(key));
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= MAX_REMEMBERED) break;
      this.#answers.delete(oldest);
    }
    return answer;
  }
}

/** Looking at a camera takes what watching it does; everything else takes the right to the API. */
function questionOf(scope: CommandScope, path: string | undefined, sight: CommandSight): Question {
  if (scope !== "read" || path === undefined) return { action: "api", path: "" };
  return { action: sight === "recordings" ? "playback" : "read", path };
}
