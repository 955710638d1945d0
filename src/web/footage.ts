// What was recorded of a camera: opened on demand, a line of time with its gaps; a click plays, a drag exports.
import { ask, footageUrl, pathPart, textOf } from "./api.ts";
import { make } from "./dom.ts";
import type { Recorder, Span } from "./site-state.ts";
import { Timeline } from "./timeline.ts";

interface Clip {
  readonly id: string;
  readonly st: "run" | "ok" | "err" | "cancel";
  readonly pct: number;
  readonly err: string | null;
  readonly res: { readonly folder: string; readonly files: readonly { readonly name: string }[] } | null;
}

const REFRESH_MS = 10_000;
const PLAY_SECONDS = 3600;
const PAGE_LIMIT = 20;
const CLIP_LOOK_MS = 500;

export class Footage {
  readonly element = make("details", { hidden: true });
  readonly #camera: string;
  readonly #note = make("p", { className: "faint" });
  readonly #video = make("video", { className: "played", controls: true, muted: true, playsInline: true, hidden: true });
  readonly #export = make("button", { type: "button", hidden: true }, "Export");
  readonly #timeline: Timeline;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** UTC at the beginning of what plays. */
  #playsFromMs = 0;

  constructor(camera: string) {
    this.#camera = camera;
    this.#timeline = new Timeline(camera, { onPlay: (atMs) => this.#play(atMs), onSelect: (range) => this.#offer(range) });
    this.#note.setAttribute("role", "status");
    this.element.append(make("summary", {}, "Recordings"), this.#timeline.element, this.#video, this.#export, this.#note);
    this.element.addEventListener("toggle", () => (this.element.open ? this.#open() : this.#shut()));
    this.#video.addEventListener("timeupdate", () => this.#timeline.playsAt(this.#playsFromMs + this.#video.currentTime * 1000));
    this.#video.addEventListener("error", () => this.#say("there is no footage at that time that this browser can play"));
  }

  show(recorder: Recorder | undefined): void {
    this.element.hidden = recorder === undefined || recorder.oldest === null;
  }

  close(): void {
    this.#shut();
  }

  #open(): void {
    void this.#load();
    this.#timer ??= setInterval(() => void this.#load(), REFRESH_MS);
  }

  #shut(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#video.removeAttribute("src");
    this.#video.load();
    this.#video.hidden = true;
  }

  async #load(): Promise<void> {
    const spans: Span[] = [];
    let cursor: string | null = "0";
    try {
      for (let page = 0; page < PAGE_LIMIT && cursor !== null; page++) {
        const query = `spans/list/${pathPart(this.#camera)}?cursor=${cursor}`;
        const answer: { readonly spans: readonly Span[]; readonly next: string | null } = await ask(query);
        spans.push(...answer.spans);
        cursor = answer.next;
      }
      this.#timeline.show(spans);
    } catch (error) {
      this.#say(textOf(error));
    }
  }

  #play(atMs: number): void {
    this.#playsFromMs = atMs;
    this.#video.hidden = false;
    this.#video.src = footageUrl(this.#camera, atMs, PLAY_SECONDS);
    this.#say(`from ${new Date(atMs).toLocaleString()}`);
    void this.#video.play().catch(() => {});
  }

  #offer(range: { readonly fromMs: number; readonly toMs: number } | undefined): void {
    this.#export.hidden = range === undefined;
    if (range === undefined) return;
    const seconds = Math.round((range.toMs - range.fromMs) / 1000);
    this.#say(`${new Date(range.fromMs).toLocaleTimeString()} to ${new Date(range.toMs).toLocaleTimeString()}, ${seconds} s`);
    this.#export.onclick = () => void this.#exportClip(range);
  }

  async #exportClip({ fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }): Promise<void> {
    this.#export.disabled = true;
    try {
      let clip: Clip = await ask("clips/add", "POST", { cam: this.#camera, from: Math.round(fromMs), to: Math.round(toMs) });
      while (clip.st === "run") {
        this.#say(`exporting: ${clip.pct} %`);
        await new Promise((resolve) => setTimeout(resolve, CLIP_LOOK_MS));
        clip = await ask(`clips/get/${clip.id}`);
      }
      this.#say(clip.st === "ok" ? `exported to ${clip.res?.folder ?? ""} on the gateway` : `not exported: ${clip.err ?? "it was ended"}`);
    } catch (error) {
      this.#say(`not exported: ${textOf(error)}`);
    } finally {
      this.#export.disabled = false;
    }
  }

  #say(text: string): void {
    this.#note.textContent = text;
  }
}
