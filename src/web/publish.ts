// The page that publishes a camera, a microphone or the screen over WHIP. Its query may preset the form: the names of its fields.
import { byId, make } from "./dom.ts";
import { MediaMTXWebRTCPublisher } from "./publisher.ts";

const form = byId("form", HTMLFormElement);
const stop = byId("stop", HTMLButtonElement);
const message = byId("message", HTMLElement);
const video = byId("video", HTMLVideoElement);

const base = location.pathname.replace(/\/publish\/?$/, "");
byId("path", HTMLElement).textContent = decodeURIComponent(base.split("/").slice(1).join("/"));

function field(name: string): HTMLInputElement | HTMLSelectElement {
  const element = form.elements.namedItem(name);
  if (element instanceof HTMLInputElement || element instanceof HTMLSelectElement) return element;
  throw new Error(`the form lacks ${name}`);
}

function say(text: string): void {
  message.textContent = text;
}

function option(value: string, text = value): HTMLOptionElement {
  return make("option", { value, text });
}

/** What the browser can encode, in its order of preference. */
function fillCodecs(kind: "video" | "audio"): void {
  const list = field(`${kind}Codec`);
  const helpers = new Set(["rtx", "red", "ulpfec", "flexfec-03", "cn", "telephone-event"]);
  const codecs = RTCRtpSender.getCapabilities(kind)?.codecs ?? [];
  const names = codecs.map(({ mimeType, clockRate }) => [mimeType.split("/")[1] ?? "", clockRate] as const);
  const unique = new Map(names.filter(([name]) => !helpers.has(name.toLowerCase())).map(([name, rateHz]) => [`${name}/${rateHz}`, name]));
  list.append(option("", "the browser's choice"), ...[...unique].map(([value, name]) => option(value, name)));
}

/** Labels are known only once the user has let the page at one device. */
async function fillDevices(): Promise<void> {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  for (const kind of ["video", "audio"] as const) {
    const list = field(`${kind}Device`);
    const inputs = devices.filter((device) => device.kind === `${kind}input`);
    inputs.forEach(({ deviceId, label }, i) => {
      list.append(option(deviceId || "default", label || `${kind === "video" ? "camera" : "microphone"} ${i + 1}`));
    });
    if (inputs[0] !== undefined) list.value = inputs[0].deviceId || "default";
  }
}

function presetFromQuery(): void {
  for (const [name, value] of new URLSearchParams(location.search)) {
    const element = form.elements.namedItem(name);
    if (element instanceof HTMLInputElement && element.type === "checkbox") element.checked = value !== "no" && value !== "false";
    else if (element instanceof HTMLInputElement || element instanceof HTMLSelectElement) element.value = value;
  }
}

const numberOf = (name: string): number => Number(field(name).value);
const isVoice = (): boolean => (field("audioVoice") as HTMLInputElement).checked;

/** Rejects with the browser's reason. */
async function capture(): Promise<MediaStream> {
  if (navigator.mediaDevices === undefined) throw new Error("browsers give pages cameras over HTTPS or from localhost only");
  const size = { width: { ideal: numberOf("width") }, height: { ideal: numberOf("height") }, frameRate: { ideal: numberOf("framerate") } };
  const [videoDevice, audioDevice] = [field("videoDevice").value, field("audioDevice").value];
  if (videoDevice === "screen") return navigator.mediaDevices.getDisplayMedia({ video: size, audio: true });
  const voice = isVoice();
  const audio = { deviceId: audioDevice, autoGainControl: voice, echoCancellation: voice, noiseSuppression: voice };
  return navigator.mediaDevices.getUserMedia({
    video: videoDevice === "" ? false : { deviceId: videoDevice, ...size },
    audio: audioDevice === "" ? false : audio,
  });
}

let running: { readonly publisher: MediaMTXWebRTCPublisher; readonly stream: MediaStream } | undefined;

async function publish(): Promise<void> {
  say("asking for the camera");
  const stream = await capture();
  video.srcObject = stream;
  say("connecting");
  const publisher = new MediaMTXWebRTCPublisher({
    url: new URL(`${base}/whip${location.search}`, location.href).href,
    stream,
    videoCodec: field("videoCodec").value,
    audioCodec: field("audioCodec").value,
    videoBitrate: numberOf("videoBitrate"),
    audioBitrate: numberOf("audioBitrate"),
    audioVoice: isVoice(),
    onConnected: () => say("publishing"),
    onError: say,
  });
  running = { publisher, stream };
  showRunning(true);
}

function showRunning(on: boolean): void {
  for (const fieldset of form.querySelectorAll("fieldset")) fieldset.disabled = on;
  form.querySelector<HTMLButtonElement>("[type=submit]")!.hidden = on;
  stop.hidden = !on;
  video.hidden = !on;
}

function end(): void {
  running?.publisher.close();
  for (const track of running?.stream.getTracks() ?? []) track.stop();
  running = undefined;
  showRunning(false);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  publish().catch((error: unknown) => say(`nothing to publish: ${error instanceof Error ? error.message : error}`));
});
stop.addEventListener("click", () => {
  end();
  say("stopped");
});
addEventListener("pagehide", end);

fillCodecs("video");
fillCodecs("audio");
fillDevices().then(presetFromQuery, presetFromQuery);
