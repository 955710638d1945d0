// Users for the site page: the list of the config, changed through it. A password never comes back, and is kept hashed.
import { CallerFault } from "#base/errors.ts";
import type { LiveConfig } from "#config/live-config.ts";
import { hashArgon2 } from "#control/auth/argon2.ts";
import { HttpFault } from "#http/http-fault.ts";
import { type ApiRequest, OK, type Route } from "../route.ts";

const ACTIONS = ["publish", "read", "playback", "api", "metrics", "pprof"] as const;
const MIN_PASSWORD_LENGTH = 8;
const MAX_PASSWORD_LENGTH = 256;

type Users = LiveConfig["config"]["global"]["authInternalUsers"];

/** The list of users, and its changes. */
export class UserDesk {
  readonly #live: Pick<LiveConfig, "config" | "patchGlobal">;

  constructor(live: Pick<LiveConfig, "config" | "patchGlobal">) {
    this.#live = live;
  }

  /** Throws where users are kept by somebody else. */
  get users(): Users {
    const { authMethod, authInternalUsers } = this.#live.config.global;
    if (authMethod !== "internal") throw new HttpFault(409, `users are not kept here: authMethod is ${authMethod}`);
    return authInternalUsers;
  }

  async add(name: string, pass: string, permissions: Users[number]["permissions"]): Promise<void> {
    if (name === "any") throw new CallerFault("invalid", "user: 'any' stands for everybody, and is set in the config file", "user");
    if (this.users.some(({ user }) => user === name)) throw new HttpFault(409, `user: '${name}' exists`);
    await this.#replace([...this.users, { user: name, pass: await this.#stored(pass), ips: [], permissions }]);
  }

  async remove(name: string): Promise<void> {
    const left = this.users.filter(({ user }) => user !== name);
    if (left.length === this.users.length) throw new HttpFault(404, "user not found");
    const mayAll = left.some(({ permissions }) => permissions.some(({ action }) => action === "api"));
    if (!mayAll) throw new HttpFault(409, "the last user who may change anything stays: add another one first");
    await this.#replace(left);
  }

  /** Whether it is the user who asks is the caller's to find out. */
  async setPassword(name: string, pass: unknown): Promise<void> {
    const text = passwordOf("pass", pass);
    if (!this.users.some(({ user }) => user === name)) throw new HttpFault(404, "user not found");
    const secret = await this.#stored(text);
    await this.#replace(this.users.map((one) => (one.user === name ? { ...one, pass: secret } : one)));
  }

  async #replace(users: Users): Promise<void> {
    await this.#live.patchGlobal({ authInternalUsers: users });
  }

  /** RTSP Digest has to know a password itself. */
  async #stored(pass: string): Promise<string> {
    return this.#live.config.global.rtspAuthMethods.includes("digest") ? pass : `argon2:${await hashArgon2(pass)}`;
  }
}

export function userRoutes(desk: UserDesk): readonly Route[] {
  return [
    {
      method: "GET",
      template: "/camgate/v1/users/list",
      answer: () => ({
        users: desk.users.map(({ user, permissions }) => ({
          user,
          permissions: permissions.map(({ action, path }) => (path === "" ? action : `${action} ${path}`)),
        })),
      }),
    },
    {
      method: "POST",
      template: "/camgate/v1/users/add",
      answer: async (request) => {
        const { user, pass, permissions } = await fieldsOf(request, ["user", "pass", "permissions"]);
        await desk.add(textOf("user", user), passwordOf("pass", pass), permissionsOf(permissions));
        return OK;
      },
    },
    {
      method: "DELETE",
      template: "/camgate/v1/users/delete/{id}",
      answer: async ({ parameter: name }) => {
        await desk.remove(name);
        return OK;
      },
    },
  ];
}

async function fieldsOf<Name extends string>(
  { body }: ApiRequest,
  names: readonly Name[],
): Promise<Readonly<Partial<Record<Name, unknown>>>> {
  const value = await body();
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new HttpFault(400, "the body has to be a JSON object");
  const unknown = Object.keys(value).find((key) => !(names as readonly string[]).includes(key));
  if (unknown !== undefined) throw new HttpFault(400, `${unknown.slice(0, 64)}: is no field here: there are ${names.join(", ")}`);
  return value as Readonly<Partial<Record<Name, unknown>>>;
}

function textOf(field: string, value: unknown): string {
  if (typeof value !== "string" || value === "" || value.length > MAX_PASSWORD_LENGTH)
    throw new CallerFault("invalid", `${field}: has to be a text of 1 to ${MAX_PASSWORD_LENGTH} characters`, field);
  return value;
}

function passwordOf(field: string, value: unknown): string {
  const text = textOf(field, value);
  if (text.length < MIN_PASSWORD_LENGTH)
    throw new CallerFault("invalid", `${field}: has to have ${MIN_PASSWORD_LENGTH} characters or more`, field);
  return text;
}

function permissionsOf(value: unknown): { readonly action: (typeof ACTIONS)[number]; readonly path: string }[] {
  const actions: readonly unknown[] = Array.isArray(value) ? value : [];
  if (actions.length === 0)
    throw new CallerFault("invalid", `permissions: has to be a list of some of ${ACTIONS.join(", ")}`, "permissions");
  return actions.map((action) => {
    const known = ACTIONS.find((one) => one === action);
    if (known === undefined)
      throw new CallerFault("invalid", `permissions: '${String(action)}' is none of ${ACTIONS.join(", ")}`, "permissions");
    return { action: known, path: "" };
  });
}
