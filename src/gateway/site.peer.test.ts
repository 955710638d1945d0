// The site page in a real browser: live tiles, footage by a click, a clip by a drag, a camera added and removed, and logging in.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startCameras } from "#testing/camera/cameras.ts";
import { freeTcpPort, freeUdpPort } from "#testing/free-ports.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { chromium } from "#testing/peers/chromium.ts";
import { openInChromium } from "#testing/peers/chromium-page.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import type { TestScope } from "#testing/peers/run-peer.ts";

async function startSite(scope: TestScope, config = "") {
  const cameras = await startCameras({ port: 0, count: 2, login: { user: "admin", pass: "pass" } });
  scope.after(() => cameras.close());
  const [port, udp] = [await freeTcpPort(0), await freeUdpPort(0)];
  const source = (name: string): string => `rtsp://admin:pass@127.0.0.1:${cameras.port}/${name}`;
  const program = await startCamgate(scope, {
    config: `${config}clipDirectory: clips\npathDefaults: {record: yes}\npaths:\n  gate: {source: '${source("gate")}'}\n  yard: {source: '${source("yard")}'}\n`,
    env: { MTX_WEBRTC: "yes", MTX_WEBRTCADDRESS: `127.0.0.1:${port}`, MTX_WEBRTCLOCALUDPADDRESS: `127.0.0.1:${udp}` },
  });
  for (const name of ["gate", "yard"]) await program.process.match(new RegExp(`\\[path ${name}\\] stream is available`));
  return { program, source, url: `http://127.0.0.1:${port}/` };
}

const TILES = "[...document.querySelectorAll('article')]";
/** Pointer events at parts of the width of the first line of time. */
const pointer = (...steps: readonly (readonly [type: string, part: number])[]): string => `(() => {
  const canvas = document.querySelector(".timeline canvas");
  const { left, top, width } = canvas.getBoundingClientRect();
  canvas.setPointerCapture = () => {};
  for (const [type, part] of ${JSON.stringify(steps)})
    canvas.dispatchEvent(new PointerEvent(type, { clientX: left + part * width, clientY: top + 15, button: 0, pointerId: 1 }));
})()`;

test("all cameras live, what was recorded, clips, and cameras that come and go", { skip: missingOf(chromium) }, async (t) => {
  const { program, source, url } = await startSite(t);
  const page = await openInChromium(t, url);
  await page.until("two tiles that are live", `${TILES}.filter((tile) => tile.dataset.state === "live").length === 2`);
  const transferred =
    "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation')).reduce((sum, { transferSize }) => sum + transferSize, 0)";
  assert.ok((await page.evaluate<number>(transferred)) < 100_000);
  const moving = `${TILES}.every((tile) => tile.querySelector(".live").getVideoPlaybackQuality().totalVideoFrames > 10)`;
  await page.until("pictures in both, by themselves", moving);
  await page.until("what they are", `${TILES}[0].innerText.includes("H.264 · 640 × 360") && ${TILES}[0].innerText.includes("1 viewer")`);

  await page.until("footage", `${TILES}[0].querySelector("details:not([hidden])") !== null`);
  await page.evaluate(`${TILES}[0].querySelector("details").open = true`);
  await page.until("a line of time", "document.querySelector('.timeline canvas').getAttribute('aria-valuemax') !== null");
  await page.evaluate(pointer(["pointerdown", 0.5], ["pointerup", 0.5]));
  await page.until(
    "footage plays",
    "document.querySelector('.played').currentTime > 0.2 && document.querySelector('.played').videoWidth === 640",
  );
  await page.evaluate(pointer(["pointerdown", 0.3], ["pointermove", 0.7], ["pointerup", 0.7]));
  await page.evaluate(
    "[...document.querySelectorAll('article details button')].find(({ textContent }) => textContent === 'Export').click()",
  );
  await page.until("a clip", "document.querySelector('article details').innerText.includes('exported to')");
  const [folder] = await readdir(join(program.folder, "clips"));
  assert.match((await readdir(join(program.folder, "clips", folder!))).join(), /\.mp4/);

  await page.evaluate("document.getElementById('add-camera').click()");
  const fill = `(() => {
    const { elements } = document.querySelector("dialog form");
    elements.name.value = "dock";
    elements.url.value = ${JSON.stringify(source("gate").replace("admin:pass@", ""))};
    elements.user.value = "admin";
    elements.pass.value = "pass";
    elements.record.checked = false;
  })()`;
  const button = (text: string): string =>
    `[...document.querySelectorAll("dialog button")].find(({ textContent }) => textContent === ${JSON.stringify(text)})`;
  await page.evaluate(fill);
  await page.evaluate(`${button("Try")}.click()`);
  await page.until("the camera is tried", "document.querySelector('dialog .note').textContent === 'it answers: H264, G711'");
  await page.evaluate(`${button("Add")}.click()`);
  await page.until("the new camera is live", `${TILES}.some(({ ariaLabel, dataset }) => ariaLabel === "dock" && dataset.state === "live")`);
  await page.evaluate(
    `window.confirm = () => true; ${TILES}.find(({ ariaLabel }) => ariaLabel === "dock").querySelector(".bar button:last-child").click()`,
  );
  await page.until("its dialog", "document.querySelector('dialog h2')?.textContent === 'dock'");
  assert.equal(await page.evaluate("document.querySelector('dialog form').elements.user.value"), "admin");
  await page.evaluate(`${button("Remove")}.click()`);
  await page.until("the camera is gone", `!${TILES}.some(({ ariaLabel }) => ariaLabel === "dock")`);
  await page.evaluate("document.getElementById('stop-all').click()");
  await page.until("nobody watches", `${TILES}.every((tile) => tile.innerText.includes("0 viewers"))`);
  await page.evaluate("document.getElementById('play-all').click()");
  await page.until("somebody watches", `${TILES}.every((tile) => tile.innerText.includes("1 viewer"))`);
  assert.deepEqual(page.errors, []);
});

test("only what is on the screen plays by itself, and what was stopped stays so", { skip: missingOf(chromium) }, async (t) => {
  const { url } = await startSite(t);
  const page = await openInChromium(t, url);
  const tile = (name: string): string => `${TILES}.find(({ ariaLabel }) => ariaLabel === "${name}")`;
  const isPlaying = (name: string): string => `${tile(name)}.querySelector(".live").getVideoPlaybackQuality().totalVideoFrames > 0`;
  const watches = (name: string, count: number): string => `${tile(name)}.innerText.includes("${count} viewer")`;
  await page.until("two tiles", `${TILES}.length === 2`);
  await page.evaluate(`document.getElementById("tiles").style.display = "block"; ${tile("yard")}.style.marginTop = "500vh"`);
  await page.until("a picture at the top", `${isPlaying("gate")} && ${watches("gate", 1)}`);
  await page.until("none below", watches("yard", 0));
  await page.evaluate(`${tile("yard")}.scrollIntoView()`);
  await page.until("a picture below", `${isPlaying("yard")} && ${watches("yard", 1)}`);
  await page.until("none at the top any more", watches("gate", 0));
  await page.evaluate(`${tile("yard")}.querySelector(".bar button").click()`);
  await page.until("none anywhere", watches("yard", 0));
  await page.evaluate("scrollTo(0, 0)");
  await page.until("the one at the top again", watches("gate", 1));
  await page.evaluate(`${tile("yard")}.scrollIntoView()`);
  await page.until("the top is left", watches("gate", 0));
  assert.equal(await page.evaluate(`${tile("yard")}.querySelector(".status").textContent`), "stopped");
  assert.deepEqual(page.errors, []);
});

test("a name is text, and a user sees what he may after he logged in", { skip: missingOf(chromium) }, async (t) => {
  const users = `authInternalUsers:
- {user: guard, pass: guard-pass, permissions: [{action: read, path: gate}]}
`;
  const { url } = await startSite(t, users);
  const page = await openInChromium(t, url);
  await page.until("a login", "document.querySelector('dialog h2')?.textContent === 'Log in'");
  const logIn = (pass: string): string => `(() => {
    const form = document.querySelector("dialog form");
    form.elements.user.value = "guard";
    form.elements.pass.value = ${JSON.stringify(pass)};
    form.requestSubmit();
  })()`;
  await page.evaluate(logIn("wrong"));
  await page.until("a refusal", "document.querySelector('dialog .note').textContent === 'wrong user or password'");
  await page.evaluate(logIn("guard-pass"));
  await page.until("his camera", `${TILES}.length === 1 && ${TILES}[0].ariaLabel === "gate"`);
  assert.equal(await page.evaluate("document.getElementById('add-camera').hidden && !document.getElementById('log-out').hidden"), true);
  await page.until("pictures by the login's cookie", `${TILES}[0].querySelector(".live").getVideoPlaybackQuality().totalVideoFrames > 10`);
  await page.evaluate(`(() => {
    const form = document.getElementById("batch");
    form.elements.prefix.value = "<img src=x onerror=alert(1)>";
    form.elements.count.value = "1";
    form.requestSubmit();
  })()`);
  await page.until("a tile by name", `${TILES}.length === 2`);
  assert.equal(await page.evaluate("document.querySelectorAll('article img').length"), 0);
});
