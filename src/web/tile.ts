// One camera of the site page: its live picture, how it is, and what was recorded of it.
import { make } from "./dom.ts";
import { Footage } from "./footage.ts";
import { MediaMTXWebRTCReader } from "./reader.ts";
import { type Camera, pictureText, type Recorder, recorderText, stateText } from "./site-state.ts";
import { soundNote } from "./sound-note.ts";

export interface TileEvents {
  /** Undefined: this user may not. */
  readonly onEdit: ((name: string) => void) | undefined;
}

export class Tile {
  readonly name: string;
  readonly element: HTMLElement;
  /** Made by hand: it stays though the gateway does not list it. */
  isOwn = false;
  readonly #video = make("video", { className: "live", muted: true, autoplay: true, playsInline: true });
  readonly #status = make("p", { className: "status" });
  readonly #picture = make("p", { className: "faint" });
  readonly #recorder = make("p", { className: "faint" });
  readonly #play = make("button", { type: "button" }, "Play");
  readonly #sound = make("button", { type: "button", hidden: true }, "Sound");
  readonly #edit = make("button", { type: "button", hidden: true }, "Edit");
  readonly #footage: Footage;
  /** Until the user says something, what is live plays while it is on the screen. */
  #wish: "live" | "play" | "stop" = "live";
  #isOnScreen = false;
  readonly #screen = new IntersectionObserver((changes) => {
    this.#isOnScreen = changes.at(-1)!.isIntersecting;
    this.#follow();
  });
  #reader: MediaMTXWebRTCReader | undefined;
  #camera: Camera | undefined;

  constructor(name: string) {
    this.name = name;
    this.#footage = new Footage(name);
    const page = make("a", { href: `./${name.split("/").map(encodeURIComponent).join("/")}/` }, name);
    const full = make("button", { type: "button", title: "the whole screen" }, "Full");
    full.addEventListener("click", () => void this.#video.requestFullscreen?.());
    full.setAttribute("aria-label", `${name} on the whole screen`);
    this.#play.addEventListener("click", () => (this.isPlaying ? this.stop() : this.play()));
    this.#sound.addEventListener("click", () => this.#toggleSound());
    this.#status.setAttribute("role", "status");
    const bar = make("div", { className: "bar" }, this.#play, this.#sound, full, make("span", { className: "room" }), this.#edit);
    const stage = make("div", { className: "picture" }, this.#video, this.#status);
    this.element = make("article", {}, make("h2", {}, page), stage, bar, this.#picture, this.#recorder, this.#footage.element);
    this.element.setAttribute("aria-label", name);
    this.#say("stopped");
    this.#screen.observe(stage);
  }

  get isPlaying(): boolean {
    return this.#reader !== undefined;
  }

  show(camera: Camera | undefined, recorder: Recorder | undefined, { onEdit }: TileEvents): void {
    this.#camera = camera;
    this.#picture.textContent = camera === undefined ? "" : pictureText(camera);
    this.#recorder.textContent = recorderText(recorder);
    this.#recorder.classList.toggle("bad", recorder !== undefined && recorder.st !== "recording");
    this.#footage.show(recorder);
    this.#edit.hidden = onEdit === undefined;
    this.#edit.onclick = () => onEdit?.(this.name);
    this.element.dataset["state"] = camera?.st ?? "off";
    this.#follow();
    if (!this.isPlaying) this.#say(camera === undefined ? "stopped" : camera.st === "live" ? "stopped" : stateText(camera));
  }

  play(): void {
    this.#wish = "play";
    this.#follow();
  }

  stop(): void {
    this.#wish = "stop";
    this.#follow();
  }

  /** No more pictures for now; those that are wished for come again when it is shown again. */
  pause(): void {
    this.#end();
  }

  close(): void {
    this.#screen.disconnect();
    this.#end();
    this.#footage.close();
    this.element.remove();
  }

  #follow(): void {
    const isWanted = this.#wish === "live" ? this.#isOnScreen && (this.isPlaying || this.#camera?.st === "live") : this.#wish === "play";
    if (isWanted) this.#begin();
    else if (this.isPlaying) this.#end();
  }

  #begin(): void {
    if (this.isPlaying) return;
    this.#say("connecting");
    this.#play.textContent = "Stop";
    this.#reader = new MediaMTXWebRTCReader({
      url: new URL(`${this.name.split("/").map(encodeURIComponent).join("/")}/whep`, document.baseURI).href,
      onError: (text) => this.#say(this.#camera === undefined || this.#camera.st === "live" ? text : stateText(this.#camera)),
      onTrack: ({ streams: [stream] }) => {
        if (stream !== undefined && this.#video.srcObject !== stream) this.#video.srcObject = stream;
      },
      onConnection: (connection) =>
        connection.addEventListener("connectionstatechange", () => {
          if (connection.connectionState !== "connected") return;
          this.#say("");
          const note = soundNote(connection);
          this.#sound.hidden = note !== "";
          this.#video.title = note;
        }),
    });
  }

  #end(): void {
    this.#reader?.close();
    this.#reader = undefined;
    this.#video.srcObject = null;
    this.#sound.hidden = true;
    this.#play.textContent = "Play";
    this.#say("stopped");
  }

  #toggleSound(): void {
    this.#video.muted = !this.#video.muted;
    this.#sound.setAttribute("aria-pressed", String(!this.#video.muted));
  }

  #say(text: string): void {
    if (this.#status.textContent !== text) this.#status.textContent = text;
    this.#status.hidden = text === "";
  }
}
