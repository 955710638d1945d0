// The settings of a path: MediaMTX's by section, then camgate's own. In `pathDefaults` they hold for every path.

import { forwardDestination, offlineTrack } from "./object-types.table.ts";
import { type Need, section, setting } from "./setting.ts";
import {
  bool,
  count,
  duration,
  fingerprint,
  float,
  int,
  list,
  megabytes,
  oneOf,
  passphrase,
  seconds,
  share,
  size,
  text,
} from "./value-types.ts";

const scheme =
  (...schemes: readonly string[]) =>
  (value: unknown): boolean =>
    typeof value === "string" && schemes.some((name) => value.startsWith(`${name}://`));
const hook: { readonly needs: readonly Need[]; readonly localOnly: "hook" } = { needs: [{ feature: "hooks" }], localOnly: "hook" };
const local = { localOnly: "hook" } as const;
const live = { effect: "live" } as const;
const around = (most: number) => float(-most, most);

export const source = section(
  "Source",
  { effect: "path" },
  {
    name: setting(text, "", "Name of the path; taken from the key, whatever is written here."),
    source: setting(text, "publisher", "Where the stream comes from: `publisher`, `redirect`, `rpiCamera`, or the URL it is pulled from.", {
      needs: [
        { feature: "rtspTls", asks: scheme("rtsps") },
        { feature: "rtspTunnel", asks: scheme("rtsp+http", "rtsps+http", "rtsp+ws", "rtsps+ws") },
        { feature: "rtmp", asks: scheme("rtmp", "rtmps") },
        { feature: "hls", asks: scheme("http", "https") },
        { feature: "mpegts", asks: scheme("udp", "udp+mpegts", "unix+mpegts") },
        { feature: "rtp", asks: scheme("udp+rtp", "unix+rtp") },
        { feature: "srt", asks: scheme("srt") },
        { feature: "moq", asks: scheme("moqt") },
        { feature: "webrtc", asks: scheme("whep", "wheps") },
        { feature: "ffmpeg", asks: scheme("ffmpeg") },
        { feature: "rpiCamera", asks: (value) => value === "rpiCamera" },
      ],
    }),
    sourceFingerprint: setting(fingerprint, "", "SHA-256 of the source's certificate, where no authority vouches for it."),
    sourceOnDemand: setting(bool, false, "Pull the source only while somebody reads."),
    sourceOnDemandStartTimeout: setting(duration, seconds(10), "How long readers wait for an on-demand source."),
    sourceOnDemandCloseAfter: setting(duration, seconds(10), "How long an on-demand source stays after its last reader."),
    maxReaders: setting(count, 0, "Most readers at a time; 0 sets no limit.", { appliance: 32 }),
    srtReadPassphrase: setting(passphrase, "", "Passphrase that readers over SRT encrypt with.", {
      secret: true,
      needs: [{ feature: "srtEncryption", security: true }],
    }),
    useAbsoluteTimestamp: setting(bool, false, "Keep the source's own clock instead of stamping frames on arrival.", {
      needs: [{ feature: "absoluteTimestamp" }],
    }),
  },
);

export const alwaysAvailable = section(
  "Always available",
  { effect: "path", needs: [{ feature: "alwaysAvailable" }], switch: "alwaysAvailable" },
  {
    alwaysAvailable: setting(bool, false, "Play an offline segment over and over while there is no stream."),
    alwaysAvailableTracks: setting(list(offlineTrack), [], "Tracks of the built-in offline segment."),
    alwaysAvailableFile: setting(text, "", "MP4 file to play instead of the built-in segment."),
  },
);

export const forward = section(
  "Forward",
  { effect: "live", needs: [{ feature: "forward" }] },
  {
    forward: setting(list(forwardDestination), [], "Servers that the stream is pushed to."),
  },
);

export const record = section(
  "Record",
  { effect: "live", needs: [{ feature: "record" }], switch: "record" },
  {
    record: setting(bool, false, "Record the stream."),
    recordPath: setting(
      text,
      "./recordings/%path/%Y-%m-%d_%H-%M-%S-%f",
      "Name of recorded files, without extension: %path, %Y %m %d %H %M %S, %f (microseconds), %z (zone), %s (Unix time).",
    ),
    recordFormat: setting(oneOf("fmp4", "mpegts"), "fmp4", "Kind of files: fmp4 or mpegts."),
    recordPartDuration: setting(duration, seconds(1), "Data is written this often; at most as much is lost when the power fails."),
    recordMaxPartSize: setting(size, megabytes(50), "Largest part, to bound memory."),
    recordSegmentDuration: setting(duration, seconds(3600), "Shortest file; the next one starts at a keyframe. At most a day."),
    recordDeleteAfter: setting(duration, seconds(86_400), "Files older than this are deleted; 0s keeps them."),
  },
);

export const publisher = section(
  "Publisher",
  { effect: "path" },
  {
    overridePublisher: setting(bool, true, "A new publisher takes the place of the present one."),
    srtPublishPassphrase: setting(passphrase, "", "Passphrase that publishers over SRT encrypt with.", {
      secret: true,
      needs: [{ feature: "srtEncryption", security: true }],
    }),
    rtspDemuxMpegts: setting(bool, false, "Take apart MPEG-TS that a publisher sends inside RTSP.", {
      needs: [{ feature: "rtspDemuxMpegts" }],
    }),
  },
);

export const rtspSource = section(
  "RTSP source",
  { effect: "path" },
  {
    rtspTransport: setting(
      oneOf("automatic", "udp", "multicast", "tcp"),
      "automatic",
      "How media is asked for: automatic (TCP, then UDP), udp, multicast, tcp.",
      {
        needs: [{ feature: "rtspMulticast", asks: (value) => value === "multicast" }],
      },
    ),
    rtspAnyPort: setting(bool, false, "Accept media from ports other than the announced ones; only for cameras that need it."),
    rtspRangeType: setting(oneOf("", "clock", "npt", "smpte"), "", "Unit of rtspRangeStart: clock, npt or smpte.", {
      needs: [{ feature: "rtspRange" }],
    }),
    rtspRangeStart: setting(text, "", "Where to start: `20230812T120000Z` for clock, else a duration.", {
      needs: [{ feature: "rtspRange" }],
    }),
    rtspScale: setting(text, "", "Playback speed asked from the source: 2 is twice as fast, negative plays backwards.", {
      needs: [{ feature: "rtspRange" }],
    }),
    rtspUDPSourcePortRange: setting(list(int(1, 65_535), 2), [32_768, 60_999], "First and last local port for media over UDP."),
  },
);

export const otherSources = section(
  "Other sources",
  { effect: "path" },
  {
    rtpSDP: setting(text, "", "Session description (SDP) of a plain RTP source."),
    moqTransport: setting(oneOf("quic", "webtransport"), "quic", "How a MoQ source is reached: quic or webtransport."),
    whepBearerToken: setting(text, "", "Bearer token sent to a WHEP source.", { secret: true }),
    whepSTUNGatherTimeout: setting(duration, seconds(5), "How long candidates are gathered from STUN servers."),
    whepHandshakeTimeout: setting(duration, seconds(10), "How long the connection to a WHEP source may take."),
    whepTrackGatherTimeout: setting(duration, seconds(2), "How long the tracks of a WHEP source are waited for."),
    sourceRedirect: setting(text, "", "With the source `redirect`: `/path` on this server, or an RTSP URL, that readers are sent to."),
  },
);

export const rpiCamera = section(
  "Raspberry Pi camera",
  { effect: "path" },
  {
    rpiCameraCamID: setting(count, 0, "Number of the camera."),
    rpiCameraSecondary: setting(bool, false, "This is the second stream of a camera that another path has."),
    rpiCameraWidth: setting(int(0, 65_535), 1920, "Width of the picture.", { unit: "px" }),
    rpiCameraHeight: setting(int(0, 65_535), 1080, "Height of the picture.", { unit: "px" }),
    rpiCameraHFlip: setting(bool, false, "Mirror left and right."),
    rpiCameraVFlip: setting(bool, false, "Mirror top and bottom."),
    rpiCameraBrightness: setting(around(1), 0, "Brightness.", live),
    rpiCameraContrast: setting(float(0, 16), 1, "Contrast.", live),
    rpiCameraSaturation: setting(float(0, 16), 1, "Saturation.", live),
    rpiCameraSharpness: setting(float(0, 16), 1, "Sharpness.", live),
    rpiCameraExposure: setting(oneOf("normal", "short", "long", "custom"), "normal", "Exposure mode: normal, short, long, custom.", live),
    rpiCameraAWB: setting(
      oneOf("auto", "incandescent", "tungsten", "fluorescent", "indoor", "daylight", "cloudy", "custom"),
      "auto",
      "White balance: auto, incandescent, tungsten, fluorescent, indoor, daylight, cloudy, custom.",
      live,
    ),
    rpiCameraAWBGains: setting(list(float(0, 32), 2), [0, 0], "Fixed gains of white balance, red and blue, in place of a mode.", live),
    rpiCameraDenoise: setting(
      oneOf("off", "cdn_off", "cdn_fast", "cdn_hq"),
      "off",
      "Noise reduction: off, cdn_off, cdn_fast, cdn_hq.",
      live,
    ),
    rpiCameraShutter: setting(count, 0, "Fixed shutter time; 0 leaves it to the camera.", { ...live, unit: "µs" }),
    rpiCameraMetering: setting(
      oneOf("centre", "spot", "matrix", "custom"),
      "centre",
      "Where light is metered: centre, spot, matrix, custom.",
      live,
    ),
    rpiCameraGain: setting(float(0, 1000), 0, "Fixed gain; 0 leaves it to the camera.", live),
    rpiCameraEV: setting(around(10), 0, "Exposure compensation.", { ...live, unit: "EV" }),
    rpiCameraROI: setting(text, "", "Part of the picture: x,y,width,height, each from 0 to 1."),
    rpiCameraHDR: setting(bool, false, "High dynamic range of Camera Module 3."),
    rpiCameraTuningFile: setting(text, "", "Tuning file of libcamera."),
    rpiCameraMode: setting(text, "", "Sensor mode: width:height, then bit depth and packing if wanted (`2304:1296:10:P`)."),
    rpiCameraFPS: setting(float(0, 1000), 30, "Pictures a second.", { ...live, unit: "1/s" }),
    rpiCameraAfMode: setting(oneOf("auto", "manual", "continuous"), "continuous", "Autofocus: auto, manual, continuous."),
    rpiCameraAfRange: setting(oneOf("normal", "macro", "full"), "normal", "Distances autofocus searches: normal, macro, full."),
    rpiCameraAfSpeed: setting(oneOf("normal", "fast"), "normal", "Speed of autofocus: normal, fast."),
    rpiCameraLensPosition: setting(float(0, 32), 0, "Manual focus as 1 / distance in metres: 0 is infinity, 2 is half a metre.", {
      unit: "1/m",
    }),
    rpiCameraAfWindow: setting(text, "", "Part of the picture autofocus looks at: x,y,width,height, each from 0 to 1."),
    rpiCameraFlickerPeriod: setting(count, 0, "Period of flickering light to correct; 0 is off.", { ...live, unit: "µs" }),
    rpiCameraTextOverlayEnable: setting(bool, false, "Write a text into the picture.", live),
    rpiCameraTextOverlay: setting(text, "%Y-%m-%d %H:%M:%S - MediaMTX", "That text, in the format of strftime.", live),
    rpiCameraCodec: setting(
      oneOf("auto", "hardwareH264", "softwareH264", "mjpeg"),
      "auto",
      "Codec: hardwareH264, softwareH264, mjpeg, or auto (hardware if there is an encoder; mjpeg for a second stream).",
    ),
    rpiCameraIDRPeriod: setting(count, 60, "Pictures from one keyframe to the next.", { ...live, unit: "pictures" }),
    rpiCameraBitrate: setting(count, 5_000_000, "Bit rate of H.264.", { ...live, unit: "bit/s" }),
    rpiCameraH264Profile: setting(
      oneOf("auto", "baseline", "main", "high"),
      "auto",
      "H.264 profile: baseline, main, high, or auto by encoder.",
    ),
    rpiCameraH264Level: setting(oneOf("4.0", "4.1", "4.2"), "4.1", "H.264 level: 4.0, 4.1, 4.2."),
    rpiCameraMJPEGQuality: setting(int(0, 100), 60, "Quality of M-JPEG.", { unit: "%" }),
  },
);

export const hooks = section(
  "Hooks",
  { effect: "live" },
  {
    runOnInit: setting(text, "", "Command that runs as long as the path exists.", hook),
    runOnInitRestart: setting(bool, false, "Start it again when it exits.", local),
    runOnDemand: setting(text, "", "Command that runs when somebody wants to read and nobody publishes.", hook),
    runOnDemandRestart: setting(bool, false, "Start it again when it exits.", local),
    runOnDemandStartTimeout: setting(duration, seconds(10), "How long readers wait for that command to publish."),
    runOnDemandCloseAfter: setting(duration, seconds(10), "How long the command stays after the last reader."),
    runOnUnDemand: setting(text, "", "Command that runs once nobody reads any more.", hook),
    runOnAvailable: setting(text, "", "Command that runs while the stream can be read.", hook),
    runOnAvailableRestart: setting(bool, false, "Start it again when it exits.", local),
    runOnUnavailable: setting(text, "", "Command that runs once the stream cannot be read any more.", hook),
    runOnOnline: setting(text, "", "Command that runs while a real source, not the offline segment, feeds the stream.", hook),
    runOnOnlineRestart: setting(bool, false, "Start it again when it exits.", local),
    runOnOffline: setting(text, "", "Command that runs once the real source is gone.", hook),
    runOnRead: setting(text, "", "Command that runs as long as a reader reads, once per reader.", hook),
    runOnReadRestart: setting(bool, false, "Start it again when it exits.", local),
    runOnUnread: setting(text, "", "Command that runs once a reader has gone.", hook),
    runOnRecordSegmentCreate: setting(text, "", "Command that runs when a recorded file is begun.", hook),
    runOnRecordSegmentComplete: setting(text, "", "Command that runs when a recorded file is complete.", hook),
  },
);

export const camgatePath = section(
  "camgate: paths",
  { effect: "live" },
  {
    sourceReconnectGrace: setting(duration, seconds(60), "How long readers are kept while a pulled source reconnects."),
    sourceUDPReadBufferSize: setting(count, 0, "Kernel buffer of this source's UDP sockets; 0 takes udpReadBufferSize.", {
      effect: "path",
      unit: "bytes",
    }),
    gopCache: setting(bool, true, "Give a new reader the frames since the last keyframe at once."),
    webrtc: setting(bool, true, "The path may be read over WebRTC."),
    webrtcAudio: setting(
      oneOf("copy", "opus"),
      "copy",
      "Audio for browsers: as it is (copy), or transcoded to Opus by ffmpeg where a browser does not play it.",
      {
        needs: [{ feature: "webrtcAudio" }],
      },
    ),
    fallback: setting(
      text,
      "",
      "Path or RTSP URL that readers are sent to while there is no stream; an old setting, see alwaysAvailable.",
      {
        needs: [{ feature: "fallback" }],
        effect: "path",
      },
    ),
    recordStore: setting(oneOf("files", "ring"), "files", "Where recordings go: files, or the SD ring.", {
      appliance: "ring",
      effect: "path",
      needs: [{ feature: "ring" }],
    }),
    ringMinSpan: setting(duration, 0, "The ring keeps at least this much of the path; 0s guarantees nothing.", {
      needs: [{ feature: "ring" }],
    }),
    ringMaxSpan: setting(duration, 0, "The ring keeps at most this much of the path; 0s sets no limit.", { needs: [{ feature: "ring" }] }),
    ringMaxSize: setting(share, { bytes: 0 }, "Most of the ring that the path may fill; 0 sets no limit.", {
      needs: [{ feature: "ring" }],
    }),
  },
);

export const mediamtxPathSections = [
  source,
  alwaysAvailable,
  forward,
  record,
  publisher,
  rtspSource,
  otherSources,
  rpiCamera,
  hooks,
] as const;
export const camgatePathSections = [camgatePath] as const;
