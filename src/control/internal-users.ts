// The users of the config (`authInternalUsers`): who may do what, from where.
import { createHash, timingSafeEqual } from "node:crypto";
import { BlockList, isIP } from "node:net";
import { plainAddress } from "#base/listen-address.ts";

export interface UserPermission {
  /** publish, read, playback, api, metrics, pprof. */
  readonly action: string;
  /** True for the paths it is given for; asked for publish, read and playback only. */
  matchesPath(path: string): boolean;
}

export interface InternalUser {
  /** `any`: everybody, with or without credentials. */
  readonly name: string;
  readonly pass: string;
  /** Addresses and networks; empty: from anywhere. */
  readonly ips: readonly string[];
  readonly permissions: readonly UserPermission[];
}

/** What is asked. The credentials are whatever the protocol got. */
export interface UserRequest {
  readonly action: string;
  readonly path: string;
  readonly remote: { readonly address: string };
  readonly credentials:
    | { readonly kind: "none" }
    | { readonly kind: "basic"; readonly user: string; readonly pass: string }
    | { readonly kind: "token"; readonly token: string }
    | { readonly kind: "digest"; readonly user: string; verify(user: string, secret: { readonly plain: string }): boolean };
}

export type UserDecision =
  | { readonly allowed: true; readonly user: string }
  | { readonly allowed: false; readonly challenge: boolean; readonly delayMs: number; readonly reason: string };

/** A wrong password is answered this late at most, at random. */
const MAX_DELAY_MS = 4000;
const PATH_ACTIONS: ReadonlySet<string> = new Set(["publish", "read", "playback"]);

/** Answers for a fixed list of users; the first one that matches decides. */
export class InternalUsers {
  readonly #users: readonly { readonly user: InternalUser; readonly from: BlockList | undefined }[];
  readonly #random: () => number;

  /** Throws a RangeError when an address of a user is none; the config has checked them. */
  constructor(users: readonly InternalUser[], random: () => number = Math.random) {
    this.#users = users.map((user) => ({ user, from: user.ips.length === 0 ? undefined : blockListOf(user.ips) }));
    this.#random = random;
  }

  decide(request: UserRequest): UserDecision {
    const { credentials } = request;
    const supplied = credentials.kind === "basic" || credentials.kind === "digest" ? credentials.user : "";
    for (const { user, from } of this.#users) {
      if (from !== undefined && !contains(from, request.remote.address)) continue;
      if (!user.permissions.some((permission) => permits(permission, request))) continue;
      if (user.name === "any" || isUser(credentials, user)) return { allowed: true, user: supplied };
    }
    const nothing = credentials.kind === "none";
    return {
      allowed: false,
      challenge: nothing,
      delayMs: nothing ? 0 : Math.floor(this.#random() * MAX_DELAY_MS),
      reason: nothing
        ? "credentials are needed"
        : `user '${supplied}' may not ${request.action} path '${request.path}', or the password is wrong`,
    };
  }
}

function permits(permission: UserPermission, request: UserRequest): boolean {
  return permission.action === request.action && (!PATH_ACTIONS.has(request.action) || permission.matchesPath(request.path));
}

function isUser(credentials: UserRequest["credentials"], user: InternalUser): boolean {
  if (credentials.kind === "digest") return credentials.verify(user.name, { plain: user.pass });
  if (credentials.kind !== "basic") return false;
  const nameIsRight = equalInConstantTime(credentials.user, user.name);
  return equalInConstantTime(credentials.pass, user.pass) && nameIsRight;
}

function equalInConstantTime(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function blockListOf(ips: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of ips) {
    const [address = "", bits] = entry.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/** An IPv6 zone says where a link-local address is seen, not who it is. */
function contains(list: BlockList, remote: string): boolean {
  const address = plainAddress(remote).split("%")[0]!;
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 6 ? "ipv6" : "ipv4");
}
