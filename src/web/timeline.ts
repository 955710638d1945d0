// A line of time: what is recorded, and what is missing. A click or Enter plays from there, a drag or shift with the arrows selects; wheel, + and − zoom.
import { make } from "./dom.ts";
import type { Span } from "./site-state.ts";

export interface TimelineEvents {
  onPlay(atMs: number): void;
  onSelect(range: TimeRange | undefined): void;
}

export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

const HEIGHT = 46;
const BAND = { top: 6, height: 18 };
const MIN_VIEW_MS = 10_000;
const MAX_VIEW_MS = 31 * 86_400_000;
const FIRST_VIEW_MS = 3_600_000;
/** A pointer that moves less than this has clicked. */
const CLICK_PX = 4;
/** Distances of the marks below, ms. */
const STEPS = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 86_400, 604_800].map((seconds) => seconds * 1000);

export class Timeline {
  readonly element = make("div", { className: "timeline" });
  readonly #canvas = make("canvas", { tabIndex: 0 });
  readonly #events: TimelineEvents;
  #spans: readonly Span[] = [];
  #view: TimeRange | undefined;
  #cursorMs = 0;
  #selection: TimeRange | undefined;
  #playsAtMs: number | undefined;
  #drag: { readonly startPx: number; readonly startMs: number } | undefined;

  constructor(camera: string, events: TimelineEvents) {
    this.#events = events;
    const canvas = this.#canvas;
    canvas.setAttribute("role", "slider");
    canvas.setAttribute("aria-label", `Recordings of ${camera}`);
    canvas.addEventListener("pointerdown", (event) => this.#onDown(event));
    canvas.addEventListener("pointermove", (event) => this.#onMove(event));
    canvas.addEventListener("pointerup", (event) => this.#onUp(event));
    canvas.addEventListener("keydown", (event) => this.#onKey(event));
    canvas.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    const zoomIn = this.#button("+", "nearer", () => this.#zoom(0.5, this.#cursorMs));
    const zoomOut = this.#button("−", "farther", () => this.#zoom(2, this.#cursorMs));
    this.element.append(canvas, make("div", { className: "zoom" }, zoomOut, zoomIn));
    new ResizeObserver(() => this.#draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /** In the order of recording. */
  show(spans: readonly Span[]): void {
    this.#spans = spans;
    const newest = spans.at(-1)?.to;
    if (newest === undefined) return;
    const oldest = Math.min(...spans.map(({ from }) => from));
    if (this.#view === undefined) {
      const sizeMs = Math.min(Math.max(newest - oldest, MIN_VIEW_MS), FIRST_VIEW_MS) * 1.05;
      this.#view = { fromMs: newest - sizeMs, toMs: newest + sizeMs * 0.02 };
      this.#cursorMs = newest;
    }
    this.#canvas.setAttribute("aria-valuemin", String(oldest));
    this.#canvas.setAttribute("aria-valuemax", String(newest));
    this.#draw();
  }

  playsAt(atMs: number): void {
    this.#playsAtMs = atMs;
    this.#draw();
  }

  #button(text: string, label: string, onClick: () => void): HTMLButtonElement {
    const button = make("button", { type: "button", title: label }, text);
    button.setAttribute("aria-label", label);
    button.addEventListener("click", onClick);
    return button;
  }

  #timeAt(event: MouseEvent): number {
    const { left, width } = this.#canvas.getBoundingClientRect();
    const { fromMs, toMs } = this.#view ?? { fromMs: 0, toMs: 1 };
    return fromMs + ((event.clientX - left) / width) * (toMs - fromMs);
  }

  #onDown(event: PointerEvent): void {
    if (event.button !== 0 || this.#view === undefined) return;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#drag = { startPx: event.clientX, startMs: this.#timeAt(event) };
  }

  #onMove(event: PointerEvent): void {
    if (this.#drag === undefined || Math.abs(event.clientX - this.#drag.startPx) < CLICK_PX) return;
    const atMs = this.#timeAt(event);
    this.#select({ fromMs: Math.min(this.#drag.startMs, atMs), toMs: Math.max(this.#drag.startMs, atMs) });
  }

  #onUp(event: PointerEvent): void {
    const drag = this.#drag;
    this.#drag = undefined;
    if (drag === undefined || Math.abs(event.clientX - drag.startPx) >= CLICK_PX) return;
    this.#select(undefined);
    this.#moveTo(drag.startMs);
    this.#events.onPlay(this.#cursorMs);
  }

  #onKey(event: KeyboardEvent): void {
    const { fromMs, toMs } = this.#view ?? { fromMs: 0, toMs: 0 };
    const stepMs = (toMs - fromMs) / 100;
    const steps: Readonly<Record<string, number>> = { ArrowLeft: -stepMs, ArrowRight: stepMs, PageUp: -stepMs * 10, PageDown: stepMs * 10 };
    const step = steps[event.key];
    if (step !== undefined) {
      const before = this.#cursorMs;
      this.#moveTo(before + step);
      if (event.shiftKey) this.#extend(before, this.#cursorMs);
      else this.#select(undefined);
    } else if (event.key === "Enter" || event.key === " ") this.#events.onPlay(this.#cursorMs);
    else if (event.key === "+" || event.key === "-") this.#zoom(event.key === "+" ? 0.5 : 2, this.#cursorMs);
    else if (event.key === "Home") this.#moveTo(Number(this.#canvas.getAttribute("aria-valuemin")));
    else if (event.key === "End") this.#moveTo(Number(this.#canvas.getAttribute("aria-valuemax")));
    else if (event.key === "Escape") this.#select(undefined);
    else return;
    event.preventDefault();
  }

  #onWheel(event: WheelEvent): void {
    event.preventDefault();
    this.#zoom(event.deltaY > 0 ? 1.25 : 0.8, this.#timeAt(event));
  }

  #zoom(factor: number, aroundMs: number): void {
    if (this.#view === undefined) return;
    const { fromMs, toMs } = this.#view;
    const sizeMs = Math.min(Math.max((toMs - fromMs) * factor, MIN_VIEW_MS), MAX_VIEW_MS);
    const share = Math.min(Math.max((aroundMs - fromMs) / (toMs - fromMs), 0), 1);
    this.#view = { fromMs: aroundMs - sizeMs * share, toMs: aroundMs + sizeMs * (1 - share) };
    this.#draw();
  }

  /** The view follows. */
  #moveTo(atMs: number): void {
    this.#cursorMs = atMs;
    const { fromMs, toMs } = this.#view ?? { fromMs: atMs, toMs: atMs };
    const shiftMs = atMs < fromMs ? atMs - fromMs : atMs > toMs ? atMs - toMs : 0;
    this.#view = { fromMs: fromMs + shiftMs, toMs: toMs + shiftMs };
    this.#canvas.setAttribute("aria-valuenow", String(Math.round(atMs)));
    this.#canvas.setAttribute("aria-valuetext", new Date(atMs).toLocaleString());
    this.#draw();
  }

  #extend(fromMs: number, toMs: number): void {
    const anchorMs =
      this.#selection === undefined ? fromMs : fromMs === this.#selection.fromMs ? this.#selection.toMs : this.#selection.fromMs;
    this.#select({ fromMs: Math.min(anchorMs, toMs), toMs: Math.max(anchorMs, toMs) });
  }

  #select(range: TimeRange | undefined): void {
    this.#selection = range;
    this.#events.onSelect(range);
    this.#draw();
  }

  #draw(): void {
    const { clientWidth: width } = this.#canvas;
    const view = this.#view;
    const drawing = this.#canvas.getContext("2d");
    if (width === 0 || view === undefined || drawing === null) return;
    const ratio = devicePixelRatio;
    this.#canvas.width = width * ratio;
    this.#canvas.height = HEIGHT * ratio;
    drawing.scale(ratio, ratio);
    const style = getComputedStyle(this.#canvas);
    const color = (name: string): string => style.getPropertyValue(name);
    const x = (ms: number): number => ((ms - view.fromMs) / (view.toMs - view.fromMs)) * width;
    drawing.fillStyle = color("--gap");
    drawing.fillRect(0, BAND.top, width, BAND.height);
    drawing.fillStyle = color("--good");
    for (const { from, to } of this.#spans) {
      if (to >= view.fromMs && from <= view.toMs) drawing.fillRect(x(from), BAND.top, Math.max(1, x(to) - x(from)), BAND.height);
    }
    if (this.#selection !== undefined) {
      drawing.globalAlpha = 0.45;
      drawing.fillStyle = color("--accent");
      const { fromMs, toMs } = this.#selection;
      drawing.fillRect(x(fromMs), BAND.top - 4, x(toMs) - x(fromMs), BAND.height + 8);
      drawing.globalAlpha = 1;
    }
    drawing.fillStyle = color("--bad");
    if (this.#playsAtMs !== undefined) drawing.fillRect(x(this.#playsAtMs) - 1, 0, 2, BAND.top + BAND.height + 4);
    drawing.fillStyle = color("--text");
    drawing.fillRect(x(this.#cursorMs), 2, 1, BAND.top + BAND.height);
    this.#drawMarks(drawing, view, width, x, color("--faint"));
  }

  #drawMarks(drawing: CanvasRenderingContext2D, view: TimeRange, width: number, x: (ms: number) => number, color: string): void {
    const stepMs = STEPS.find((step) => (step / (view.toMs - view.fromMs)) * width > 80) ?? STEPS.at(-1)!;
    const zoneMs = new Date(view.fromMs).getTimezoneOffset() * 60_000;
    drawing.fillStyle = color;
    drawing.font = "11px system-ui, sans-serif";
    for (let ms = Math.ceil((view.fromMs - zoneMs) / stepMs) * stepMs + zoneMs; ms < view.toMs; ms += stepMs) {
      drawing.fillRect(x(ms), BAND.top + BAND.height, 1, 4);
      const date = new Date(ms);
      const text =
        stepMs >= 86_400_000 ? date.toLocaleDateString() : date.toLocaleTimeString([], stepMs < 60_000 ? {} : { timeStyle: "short" });
      drawing.fillText(text, x(ms) + 3, HEIGHT - 6);
    }
  }
}
