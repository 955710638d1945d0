// Who may do what: answers the relay's question and every HTTP listener's by the method of the config, and takes back what it has granted.
import type { Clock } from "#base/clock.ts";
import { EventCounter, eventReportText } from "#base/event-counter.ts";
import type { Log } from "#base/log.ts";
import type { AuthDenial, AuthGrant, AuthMethod, AuthRequest, GrantProof, Verdict } from "./access-question.ts";
import { type Ban, type BruteForceGuard, DelaysAndBans, RandomDelay } from "./brute-force.ts";
import { HttpMethod } from "./http-method.ts";
import { JwtMethod } from "./jwt-method.ts";
import { KeySet } from "./key-set.ts";
import { loginOf } from "./login.ts";
import { PasswordChecks } from "./password-checks.ts";
import { type CompileExpression, type PermissionRule, Permissions } from "./permissions.ts";
import { type ListedUser, UserList } from "./user-list.ts";

/** The settings of the config that concern us, by their names there. */
export interface AuthSettings {
  readonly authMethod: "internal" | "http" | "jwt";
  readonly authInternalUsers: readonly ListedUser[];
  readonly authHTTPAddress: string;
  readonly authHTTPFingerprint: string;
  readonly authHTTPExclude: readonly PermissionRule[];
  readonly authJWTJWKS: string;
  readonly authJWTJWKSFingerprint: string;
  readonly authJWTClaimKey: string;
  readonly authJWTExclude: readonly PermissionRule[];
  readonly authJWTIssuer: string;
  readonly authJWTAudience: string;
  /** How long a service may take to answer, in milliseconds. */
  readonly readTimeout: number;
}

export interface AuthenticatorOptions {
  /** `delay`: 0 to 4 s, as MediaMTX. `ban`: delays that double, then a ban (the appliance). */
  readonly bruteForce: "delay" | "ban";
  readonly compileExpression: CompileExpression;
  readonly clock: Clock;
  readonly log: Log;
  readonly random?: () => number;
  readonly onBan?: (ban: Ban) => void;
  /** Somebody with a name was let in. */
  readonly onGrant?: (request: AuthRequest, user: string) => void;
  /** Wrong credentials were refused. */
  readonly onWrong?: (request: AuthRequest) => void;
}

/** Since the start. */
export interface AuthCounters {
  granted: number;
  /** Asked for credentials, because there were none. */
  challenged: number;
  /** Wrong credentials, no permission, or a service that could not be asked. */
  refused: number;
  /** Of those, refused unseen during a ban. */
  refusedBanned: number;
  bans: number;
  /** Argon2 hashes computed. */
  hashes: number;
  /** Times that the HTTP server or the key server gave no useful answer. */
  serviceFaults: number;
}

/** What a grant was given for; kept as long as somebody holds the grant. */
interface GrantRecord {
  readonly access: Pick<AuthRequest, "action" | "path" | "remote">;
  readonly proof: GrantProof;
}

export class Authenticator {
  readonly counters: AuthCounters = {
    granted: 0,
    challenged: 0,
    refused: 0,
    refusedBanned: 0,
    bans: 0,
    hashes: 0,
    serviceFaults: 0,
  };
  readonly #options: AuthenticatorOptions;
  readonly #guard: BruteForceGuard;
  readonly #checks: PasswordChecks;
  readonly #faults: EventCounter;
  readonly #closing = new AbortController();
  readonly #grants = new WeakMap<AuthGrant, GrantRecord>();
  /** Kept over new settings as long as they come from the same place. */
  #keys: { readonly source: string; readonly set: KeySet } | undefined;
  #method: AuthMethod;

  /** Throws when the settings are none that the config lets through. */
  constructor(settings: AuthSettings, options: AuthenticatorOptions) {
    this.#options = options;
    const { log, random } = options;
    const nowMs = this.#nowMs;
    this.#guard =
      options.bruteForce === "ban" ? new DelaysAndBans({ nowMs, onBan: (ban) => this.#onBan(ban) }) : new RandomDelay({ nowMs, random });
    this.#checks = new PasswordChecks({ nowMs, onHash: () => this.counters.hashes++ });
    this.#faults = new EventCounter((report) => log.warn(`authentication: ${eventReportText(report)}`));
    this.#method = this.#methodOf(settings);
  }

  /** Fits the relay's Authorize. */
  readonly authorize = async (request: AuthRequest): Promise<AuthGrant | AuthDenial> => {
    for (;;) {
      const method = this.#method;
      const verdict = await this.#judge(method, request);
      if (!("kind" in verdict)) return verdict;
      // What was granted under settings that changed meanwhile is asked again.
      if (method !== this.#method) continue;
      if (verdict.user !== "") this.#options.onGrant?.(request, verdict.user);
      return this.#grant(request, verdict);
    }
  };

  /** New settings for every request from now on. Sessions keep what they have until `revalidate` is asked. */
  update(settings: AuthSettings): void {
    this.#method = this.#methodOf(settings);
  }

  /** Whether what was granted would still be granted under the settings of now; asks nobody and takes no time. */
  readonly revalidate = (grant: AuthGrant): boolean => {
    const record = this.#grants.get(grant);
    return record !== undefined && this.#method.honours(record.proof, record.access);
  };

  /** Forgets the keys of tokens (`POST /v3/auth/jwks/refresh`): the next token fetches them anew. */
  refreshKeys(): void {
    this.#keys?.set.refresh();
  }

  /** Gives up what is asked of services. */
  close(): void {
    this.#closing.abort();
    this.#faults.flush();
  }

  async #judge(method: AuthMethod, request: AuthRequest): Promise<AuthDenial | Extract<Verdict, { kind: "granted" }>> {
    const { user } = loginOf(request);
    if (method.isOpen(request)) return { kind: "granted", user, proof: { kind: "everybody" } };
    if (method.lacksCredentials(request)) {
      const verdict = await method.judge(request);
      return verdict.kind === "granted" ? verdict : this.#challenge();
    }
    const attempt = await this.#guard.begin(request.remote.address, user);
    if ("bannedMs" in attempt) return this.#refuseBanned(attempt.bannedMs);
    try {
      const verdict = await method.judge(request);
      const delayMs = attempt.end(OUTCOMES[verdict.kind]);
      if (verdict.kind === "granted") return verdict;
      this.counters.refused++;
      if (verdict.kind === "wrong") this.#options.onWrong?.(request);
      return { allowed: false, challenge: false, delayMs, reason: verdict.reason, isWrong: verdict.kind === "wrong" };
    } catch (error) {
      attempt.end("neither");
      throw error;
    }
  }

  #grant({ action, path, remote }: AuthRequest, { user, proof }: Extract<Verdict, { kind: "granted" }>): AuthGrant {
    const grant: AuthGrant = { allowed: true, user };
    this.#grants.set(grant, { access: { action, path, remote }, proof });
    this.counters.granted++;
    return grant;
  }

  #challenge(): AuthDenial {
    this.counters.challenged++;
    return { allowed: false, challenge: true, delayMs: 0, reason: "credentials are needed", isWrong: false };
  }

  #refuseBanned(bannedMs: number): AuthDenial {
    this.counters.refused++;
    this.counters.refusedBanned++;
    const reason = `too many wrong passwords: banned for ${Math.ceil(bannedMs / 60_000)} more min`;
    return { allowed: false, challenge: false, delayMs: 0, reason, isWrong: true };
  }

  #methodOf(settings: AuthSettings): AuthMethod {
    const { compileExpression, clock, log } = this.#options;
    const timeoutMs = settings.readTimeout;
    switch (settings.authMethod) {
      case "internal": {
        const users = new UserList(settings.authInternalUsers, compileExpression, this.#checks);
        for (const place of users.unusable)
          log.warn(`authInternalUsers: user ${place} can never log in: name or password is no argon2 or sha256 hash that can be used`);
        return users;
      }
      case "http":
        return new HttpMethod({
          url: settings.authHTTPAddress,
          fingerprint: settings.authHTTPFingerprint,
          exclude: new Permissions(settings.authHTTPExclude, compileExpression),
          timeoutMs,
          signal: this.#closing.signal,
          onFault: this.#onFault,
        });
      case "jwt":
        return new JwtMethod({
          keys: this.#keySetOf(settings),
          keySource: JSON.stringify([settings.authJWTJWKS, settings.authJWTJWKSFingerprint]),
          claimKey: settings.authJWTClaimKey,
          issuer: settings.authJWTIssuer,
          audience: settings.authJWTAudience,
          exclude: new Permissions(settings.authJWTExclude, compileExpression),
          compile: compileExpression,
          utcMs: () => clock.utcOf(clock.nowUs()).utcUs / 1000,
        });
    }
  }

  #keySetOf({ authJWTJWKS: url, authJWTJWKSFingerprint: fingerprint, readTimeout: timeoutMs }: AuthSettings): KeySet {
    const source = JSON.stringify([url, fingerprint, timeoutMs]);
    if (this.#keys?.source !== source) {
      const { signal } = this.#closing;
      this.#keys = { source, set: new KeySet({ url, fingerprint, timeoutMs, signal, nowMs: this.#nowMs, onFault: this.#onFault }) };
    }
    return this.#keys.set;
  }

  readonly #nowMs = (): number => this.#options.clock.nowUs() / 1000;

  readonly #onFault = (text: string): void => {
    this.counters.serviceFaults++;
    this.#faults.count(text);
  };

  #onBan(ban: Ban): void {
    this.counters.bans++;
    const who = ban.user === "" ? "any user" : `user '${ban.user.slice(0, 64)}'`;
    this.#options.log.warn(`${ban.address} is banned for ${ban.durationMs / 60_000} min as ${who}: too many wrong passwords`);
    this.#options.onBan?.(ban);
  }
}

const OUTCOMES = { granted: "right", wrong: "wrong", refused: "neither" } as const;
