// The page of the site: a tile for each camera, and the gateway's own health.
import { askForPassword, askToLogIn, logOut, showUsers } from "./accounts.ts";
import { ApiError, ask, textOf } from "./api.ts";
import { addCamera, editCamera } from "./camera-form.ts";
import { byId, make } from "./dom.ts";
import { gatewayTexts, type SiteState } from "./site-state.ts";
import { Tile } from "./tile.ts";

const REFRESH_MS = 2000;

const tiles = byId("tiles", HTMLElement);
const health = byId("health", HTMLElement);
const trouble = byId("trouble", HTMLElement);
const batch = byId("batch", HTMLFormElement);

/** In the order of the page. */
const shown = new Map<string, Tile>();

function tileOf(name: string): Tile {
  const known = shown.get(name);
  if (known !== undefined) return known;
  const tile = new Tile(name);
  shown.set(name, tile);
  tiles.append(tile.element);
  return tile;
}

function drop(tile: Tile): void {
  shown.delete(tile.name);
  tile.close();
}

function show({ user, admin, cameras, recorders, gateway }: SiteState): void {
  for (const name of Object.keys(cameras)) tileOf(name);
  for (const tile of [...shown.values()]) {
    const camera = cameras[tile.name];
    if (camera === undefined && !tile.isOwn) drop(tile);
    else tile.show(camera, recorders[tile.name], { onEdit: admin ? onEdit : undefined });
  }
  health.hidden = gateway === undefined;
  if (gateway !== undefined) health.replaceChildren(...gatewayTexts(gateway).map((text) => make("span", {}, text)));
  byId("empty", HTMLElement).hidden = shown.size > 0;
  byId("add-camera", HTMLElement).hidden = !admin;
  byId("show-users", HTMLElement).hidden = !admin;
  byId("change-password", HTMLElement).hidden = user === "";
  byId("log-out", HTMLElement).hidden = user === "";
  const live = Object.values(cameras).filter(({ st }) => st === "live").length;
  byId("count", HTMLElement).textContent = `${live} of ${Object.keys(cameras).length} live${user === "" ? "" : ` · ${user}`}`;
}

function say(text: string): void {
  trouble.textContent = text;
  trouble.hidden = text === "";
}

let isRefreshing = false;

async function refresh(): Promise<void> {
  if (isRefreshing || document.hidden) return;
  isRefreshing = true;
  try {
    show(await ask<SiteState>("site"));
    say("");
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) askToLogIn(() => void refresh());
    else say(textOf(error));
  } finally {
    isRefreshing = false;
  }
}

function onEdit(name: string): void {
  editCamera(name, () => void refresh()).catch((error: unknown) => say(textOf(error)));
}

function onClick(id: string, run: () => unknown): void {
  byId(id, HTMLButtonElement).addEventListener("click", () => {
    Promise.resolve(run()).catch((error: unknown) => say(textOf(error)));
  });
}

onClick("play-all", () => {
  for (const tile of shown.values()) tile.play();
});
onClick("stop-all", () => {
  for (const tile of shown.values()) tile.stop();
});
onClick("add-camera", () => addCamera(() => void refresh()));
onClick("show-users", showUsers);
onClick("change-password", askForPassword);
onClick("log-out", async () => {
  await logOut();
  for (const tile of [...shown.values()]) drop(tile);
  await refresh();
});
onClick("list-server", async () => {
  for (const tile of [...shown.values()]) if (tile.isOwn) drop(tile);
  await refresh();
});
batch.addEventListener("submit", (event) => {
  event.preventDefault();
  const values = new FormData(batch);
  const count = Math.min(64, Math.max(1, Number(values.get("count"))));
  for (let i = 1; i <= count; i++) tileOf(`${values.get("prefix")}${i}`).isOwn = true;
  void refresh();
});
document.addEventListener("visibilitychange", () => void refresh());
addEventListener("pagehide", () => {
  for (const tile of shown.values()) tile.pause();
});
setInterval(() => void refresh(), REFRESH_MS);
void refresh();
