// Logging in and out, passwords, and the list of users.
import { ask, pathPart, textOf } from "./api.ts";
import { openDialog } from "./dialog.ts";
import { make } from "./dom.ts";

interface User {
  readonly user: string;
  /** `read`, `read gate`, `api`. */
  readonly permissions: readonly string[];
}

let isAsking = false;

/** One dialog, however often it is asked for. */
export function askToLogIn(onLoggedIn: () => void): void {
  if (isAsking) return;
  isAsking = true;
  const dialog = openDialog({
    title: "Log in",
    isNeeded: true,
    fields: [
      { name: "user", label: "User", required: true, autocomplete: "username" },
      { name: "pass", label: "Password", type: "password", autocomplete: "current-password" },
    ],
    submit: "Log in",
    onSubmit: async ({ user, pass }) => {
      await ask("session", "POST", { user, pass });
    },
  });
  dialog.addEventListener("close", () => {
    isAsking = false;
    onLoggedIn();
  });
}

export async function logOut(): Promise<void> {
  await ask("session", "DELETE");
}

export function askForPassword(): void {
  openDialog({
    title: "Change password",
    fields: [
      { name: "old", label: "Password so far", type: "password", autocomplete: "current-password" },
      { name: "pass", label: "New password", type: "password", required: true, autocomplete: "new-password" },
      { name: "again", label: "New password again", type: "password", required: true, autocomplete: "new-password" },
    ],
    submit: "Change",
    onSubmit: async ({ old, pass, again }) => {
      if (pass !== again) throw new Error("the new passwords differ");
      await ask("users/password", "POST", { old, pass });
    },
  });
}

const RIGHTS: Readonly<Record<string, readonly string[]>> = {
  "watches cameras": ["read", "playback"],
  "watches and publishes": ["read", "playback", "publish"],
  "may everything": ["read", "playback", "publish", "api", "metrics", "pprof"],
};

export async function showUsers(): Promise<void> {
  const { users } = await ask<{ readonly users: readonly User[] }>("users/list");
  const list = make("ul", { className: "users" });
  const dialog = openDialog({
    title: "Users",
    content: list,
    fields: [
      { name: "user", label: "New user", required: true },
      { name: "pass", label: "Password", type: "password", required: true, autocomplete: "new-password" },
      { name: "rights", label: "Rights", type: "select", options: Object.keys(RIGHTS), value: Object.keys(RIGHTS)[0]! },
    ],
    submit: "Add user",
    onSubmit: async ({ user, pass, rights }) => {
      await ask("users/add", "POST", { user, pass, permissions: RIGHTS[rights ?? ""] ?? [] });
    },
  });
  for (const { user, permissions } of users) {
    const remove = make("button", { type: "button", className: "danger" }, "Remove");
    remove.setAttribute("aria-label", `Remove ${user}`);
    const note = make("span", { className: "faint" }, permissions.join(", "));
    remove.addEventListener("click", () => {
      ask(`users/delete/${pathPart(user)}`, "DELETE").then(
        () => dialog.close(),
        (error: unknown) => {
          note.textContent = textOf(error);
        },
      );
    });
    list.append(make("li", {}, make("strong", {}, user), note, make("span", { className: "room" }), remove));
  }
}
