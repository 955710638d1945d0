// Authentication by the users of the config (`authMethod: internal`).
import { type AuthMethod, type AuthRequest, accessText, type GrantProof, quotedName, type Verdict } from "./access-question.ts";
import { AddressSet } from "./address-set.ts";
import { type Login, loginOf } from "./login.ts";
import type { CheckResult, PasswordChecks } from "./password-checks.ts";
import { type CompileExpression, type PermissionRule, Permissions } from "./permissions.ts";
import { parseStoredCredential, type StoredCredential } from "./stored-credential.ts";

/** As the config has it. */
export interface ListedUser {
  /** `any`: everybody, with or without credentials. May be hashed, like the password. */
  readonly user: string;
  /** Empty: any password will do. */
  readonly pass: string;
  /** Addresses and networks; empty: from anywhere. */
  readonly ips: readonly string[];
  readonly permissions: readonly PermissionRule[];
}

interface Entry {
  readonly listed: ListedUser;
  readonly name: StoredCredential;
  readonly pass: StoredCredential;
  readonly from: AddressSet | undefined;
  readonly permissions: Permissions;
}

type Access = Pick<AuthRequest, "action" | "path" | "remote">;

const BUSY = "too many passwords are waiting to be checked";

export class UserList implements AuthMethod {
  readonly #entries: readonly Entry[];
  readonly #checks: PasswordChecks;

  /** Throws when an address of a user is none; the config has checked them. */
  constructor(users: readonly ListedUser[], compile: CompileExpression, checks: PasswordChecks) {
    this.#checks = checks;
    this.#entries = users.map((listed) => ({
      listed,
      name: parseStoredCredential(listed.user),
      pass: parseStoredCredential(listed.pass),
      from: listed.ips.length === 0 ? undefined : new AddressSet(listed.ips),
      permissions: new Permissions(listed.permissions, compile),
    }));
  }

  /** Places in the list, from 1, of users who can never log in, because name or password is no hash that can be used. */
  get unusable(): readonly number[] {
    return this.#entries.flatMap(({ name, pass }, index) => (name.kind === "unusable" || pass.kind === "unusable" ? [index + 1] : []));
  }

  isOpen(request: Access): boolean {
    return this.#entries.some((entry) => isAny(entry) && isFrom(entry, request) && entry.permissions.allow(request));
  }

  /** A token is nothing that a list of users could know: who sends one is asked for a password. */
  lacksCredentials(request: AuthRequest): boolean {
    const { user, pass, digest } = loginOf(request);
    return user === "" && pass === "" && digest === undefined;
  }

  async judge(request: AuthRequest): Promise<Verdict> {
    const login = loginOf(request);
    if (this.isOpen(request)) return { kind: "granted", user: login.user, proof: { kind: "everybody" } };
    if (this.lacksCredentials(request)) return { kind: "refused", reason: "a user name and a password are needed" };
    const named = this.#entries.filter((entry) => !isAny(entry) && isFrom(entry, request));
    const permitted = named.filter((entry) => entry.permissions.allow(request));
    const found = await this.#find(permitted, login);
    if (found === "busy") return { kind: "refused", reason: BUSY };
    if (found.entry !== undefined) {
      const { user, pass } = found.entry.listed;
      return { kind: "granted", user: login.user, proof: { kind: "user", name: user, pass } };
    }
    const others = await this.#find(
      named.filter((entry) => !permitted.includes(entry)),
      login,
    );
    if (others === "busy") return { kind: "refused", reason: BUSY };
    if (others.entry !== undefined) return { kind: "refused", reason: `user ${quotedName(login.user)} may not ${accessText(request)}` };
    if (!found.hashed && !others.hashed && login.digest === undefined) await this.#spendTime(login.pass);
    return { kind: "wrong", reason: `wrong user or password (user ${quotedName(login.user)})` };
  }

  /** A password that was changed is no longer the one that was proven. */
  honours(proof: GrantProof, request: Access): boolean {
    if (this.isOpen(request)) return true;
    if (proof.kind !== "user") return false;
    return this.#entries.some(
      (entry) =>
        entry.listed.user === proof.name && entry.listed.pass === proof.pass && isFrom(entry, request) && entry.permissions.allow(request),
    );
  }

  /** The first whose credentials these are; `hashed`: a password was compared to an Argon2 hash on the way. */
  async #find(entries: readonly Entry[], login: Login): Promise<"busy" | { entry: Entry | undefined; hashed: boolean }> {
    let hashed = false;
    for (const entry of entries) {
      const result = login.digest === undefined ? await this.#checkPassword(entry, login) : checkDigest(entry, login.digest);
      if (result === "busy") return "busy";
      if (result === "right") return { entry, hashed };
      hashed ||= result === "wrong-password" && entry.pass.kind === "argon2";
    }
    return { entry: undefined, hashed };
  }

  async #checkPassword({ name, pass }: Entry, login: Login): Promise<CheckResult | "wrong-password"> {
    const nameIs = await this.#checks.check(name, login.user);
    // What is cheap is always compared: how long the answer takes says nothing about the name.
    if (nameIs !== "right" && pass.kind === "argon2") return nameIs;
    const passIs = await this.#checks.check(pass, login.pass);
    if (nameIs !== "right" || passIs === "right") return nameIs;
    return passIs === "busy" ? "busy" : "wrong-password";
  }

  /** An unknown name costs one hash like a known one, where passwords are hashed. */
  async #spendTime(guess: string): Promise<void> {
    const decoy = this.#entries.find(({ pass }) => pass.kind === "argon2");
    if (decoy !== undefined) await this.#checks.check(decoy.pass, guess);
  }
}

function isAny({ listed }: Entry): boolean {
  return listed.user === "any";
}

function isFrom({ from }: Entry, { remote }: Access): boolean {
  return from === undefined || from.has(remote.address);
}

/** A hash is no secret to prove knowledge of: who has read the config would pass with it. */
function checkDigest({ name, pass, listed }: Entry, digest: NonNullable<Login["digest"]>): CheckResult {
  const known = name.kind === "sha256" && name.plain !== undefined;
  const plain = pass.kind === "sha256" ? pass.plain : pass.kind === "empty" ? "" : undefined;
  return known && plain !== undefined && digest.verify(listed.user, { plain }) ? "right" : "wrong";
}
