// The page of one stream: plays it over WHEP. Its query may say `controls`, `muted`, `autoplay`, `playsinline` and `disablepictureinpicture`.
import { byId } from "./dom.ts";
import { MediaMTXWebRTCReader } from "./reader.ts";
import { soundNote } from "./sound-note.ts";

const video = byId("video", HTMLVideoElement);
const message = byId("message", HTMLElement);

const query = new URLSearchParams(location.search);

function flag(name: string, otherwise: boolean): boolean {
  const text = query.get(name)?.toLowerCase() ?? "";
  if (["1", "yes", "true"].includes(text)) return true;
  return ["0", "no", "false"].includes(text) ? false : otherwise;
}

const controls = flag("controls", true);
video.muted = flag("muted", true);
video.autoplay = flag("autoplay", true);
video.playsInline = flag("playsinline", true);
video.disablePictureInPicture = flag("disablepictureinpicture", false);
document.title = decodeURIComponent(location.pathname.replace(/\/$/, "").split("/").pop() ?? "camgate");

function say(text: string): void {
  message.textContent = text;
  message.hidden = text === "";
  video.controls = controls && text === "";
}

say("connecting");
const reader = new MediaMTXWebRTCReader({
  url: new URL(`whep${location.search}`, location.href).href,
  onError: say,
  onTrack: ({ streams: [stream] }) => {
    if (stream === undefined || video.srcObject === stream) return;
    say("");
    video.srcObject = stream;
  },
  onConnection: (connection) => {
    connection.addEventListener("connectionstatechange", () => {
      if (connection.connectionState === "connected") video.title = soundNote(connection);
    });
  },
});
addEventListener("pagehide", () => reader.close());
