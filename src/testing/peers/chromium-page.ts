// Chromium without a window, at a page of the gateway itself: driven through its DevTools protocol, as a person's clicks would.
import { join } from "node:path";
import { chromium } from "./chromium.ts";
import { startPeer, type TestScope } from "./run-peer.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { until } from "./until.ts";

export interface ChromiumPage {
  /** Runs an expression in the page; a promise is waited for, and the value comes back as JSON. Rejects with what it throws. */
  evaluate<T>(expression: string): Promise<T>;
  /** Waits until an expression is truthy; resolves with its value. */
  until<T>(what: string, expression: string): Promise<T>;
  /** Errors that the page has logged or thrown, so far. */
  readonly errors: readonly string[];
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly result?: {
    readonly result?: { readonly value?: unknown };
    readonly exceptionDetails?: { readonly exception?: { readonly description?: string } };
  };
  readonly params?: {
    readonly entry?: { readonly level: string; readonly text: string; readonly url?: string };
    readonly exceptionDetails?: { readonly exception?: { readonly description?: string } };
  };
}

const TIMEOUT_MS = 90_000;

export async function openInChromium(scope: TestScope, url: string): Promise<ChromiumPage> {
  const profile = join(await temporaryFolder(scope), "profile");
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--mute-audio"];
  const calm = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"];
  const page = [`--user-data-dir=${profile}`, "--autoplay-policy=no-user-gesture-required", "--remote-debugging-port=0", "about:blank"];
  const browser = startPeer(scope, chromium, [...flags, ...calm, ...page], { timeoutMs: TIMEOUT_MS });
  const port = await until(
    "Chromium listens",
    () => /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(browser.stderr.toString())?.[1],
  );
  const target = await until("Chromium has a page", async () => {
    const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as {
      readonly type: string;
      readonly webSocketDebuggerUrl: string;
    }[];
    return targets.find(({ type }) => type === "page")?.webSocketDebuggerUrl;
  });
  const socket = new WebSocket(target);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true });
    socket.addEventListener("error", reject, { once: true });
  });
  scope.after(async () => {
    socket.close();
    await browser.interrupt();
  });
  const waiting = new Map<number, (message: Message) => void>();
  const errors: string[] = [];
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(String(data)) as Message;
    if (message.id !== undefined) waiting.get(message.id)?.(message);
    const { entry, exceptionDetails } = message.params ?? {};
    if (entry?.level === "error") errors.push(`${entry.text} ${entry.url ?? ""}`);
    if (exceptionDetails !== undefined) errors.push(exceptionDetails.exception?.description ?? "an exception");
  });
  let nextId = 1;
  const send = (method: string, params: object = {}): Promise<Message> =>
    new Promise((resolve) => {
      waiting.set(nextId, resolve);
      socket.send(JSON.stringify({ id: nextId++, method, params }));
    });
  for (const domain of ["Page", "Runtime", "Log"]) await send(`${domain}.enable`);
  await send("Page.navigate", { url });
  const evaluate = async <T>(expression: string): Promise<T> => {
    const { result } = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (result?.exceptionDetails !== undefined) throw new Error(result.exceptionDetails.exception?.description ?? "the page threw");
    return result?.result?.value as T;
  };
  return {
    errors,
    evaluate,
    until: (what, expression) => until(what, async () => (await evaluate(expression).catch(() => undefined)) || undefined) as never,
  };
}
