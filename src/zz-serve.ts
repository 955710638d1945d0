import { startSite } from "/work/main/src/testing/rtsp-site.ts";
import { ClipRecording } from "/work/main/src/testing/clip-replay.ts";
const T0 = Date.UTC(2026, 7, 1, 12) * 1000;
const recording = new ClipRecording({ spans: [{ startUtcUs: T0, firstFrame: 0, frameCount: 100 }, { startUtcUs: T0 + 60e6, firstFrame: 100, frameCount: 50 }], pace: "normal", audio: true });
const { createLogger } = await import("/work/main/src/base/log.ts");
const site = await startSite({ server: { openReplay: recording.open, address: { host: "127.0.0.1", port: 18554 } }, log: createLogger({ level: "debug" }) });
console.log(site.port);
setTimeout(() => process.exit(0), 120000);
