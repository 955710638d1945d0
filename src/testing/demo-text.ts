// What the demo writes: the gateway's config, and the screen with what to open and to type.

export interface DemoSite {
  readonly brokerUrl: string;
  readonly rtspPort: number;
  /** RTCP is the next one. */
  readonly rtpPort: number;
  readonly playbackPort: number;
  /** Of the pages, and of their media over UDP. */
  readonly webPort: number;
  readonly mediaPort: number;
  /** For what the gateway keeps, the recordings of the first camera, and `ring` with those of the others, which is there. */
  readonly folder: string;
  /** Where the cameras are, with user and password. */
  readonly cameraUrls: readonly string[];
}

export interface DemoProcesses {
  readonly configFile: string;
  readonly gatewayPid: number | undefined;
  readonly camerasPid: number | undefined;
  readonly brokerPid: number | undefined;
}

const HOST = "127.0.0.1";

const GATEWAY = "gw-demo";

/** Of 16 MiB chunks: each camera writes one, and some hold what was. */
const RING_SIZE = "96M";

/** A path for each camera. The first is recorded to files, the others to a ring. */
export function demoConfig(site: DemoSite): string {
  const { rtspPort, rtpPort, playbackPort, webPort, mediaPort, folder, cameraUrls, brokerUrl } = site;
  const paths = cameraUrls.map((url, index) => {
    const store = index === 0 ? "files" : "ring";
    return `  ${pathOf(url)}:\n    source: ${url}\n    recordStore: ${store}\n`;
  });
  return `rtspAddress: ${HOST}:${rtspPort}
rtpAddress: ${HOST}:${rtpPort}
rtcpAddress: ${HOST}:${rtpPort + 1}
webrtcAddress: ${HOST}:${webPort}
webrtcLocalUDPAddress: ${HOST}:${mediaPort}
playback: yes
playbackAddress: ${HOST}:${playbackPort}
dataDirectory: ${folder}/data
clipDirectory: ${folder}/clips
mqtt:
  urls: [${brokerUrl}]
  tenant: demo
  gatewayId: ${GATEWAY}
  commands: broker
  telemetryInterval: 10s
ring:
  directory: ${folder}/ring
  size: ${RING_SIZE}
pathDefaults:
  record: yes
  recordPath: ${folder}/recordings/%path/%Y-%m-%d_%H-%M-%S-%f
paths:
${paths.join("")}`;
}

export function demoScreen(site: DemoSite, processes: DemoProcesses): string {
  const { rtspPort, playbackPort, webPort, folder, cameraUrls, brokerUrl } = site;
  const paths = cameraUrls.map(pathOf);
  const urls = paths.map((path) => `rtsp://${HOST}:${rtspPort}/${path}`);
  const [first = ""] = urls;
  return `
camgate demo: ${urls.length} simulated cameras, pulled by one gateway. All of them, live and recorded, in a browser:

  http://${HOST}:${webPort}/

One by one, for players:

${urls.map((url) => `  ${url}`).join("\n")}

Watch one with any of these, in another terminal:

  ffplay -fflags nobuffer -rtsp_transport tcp ${first}
  gst-launch-1.0 playbin uri=${first}
  vlc ${first}

All are recorded. What there is of each, as JSON, with the URL of the footage:

${paths.map((path) => `  http://${HOST}:${playbackPort}/list?path=${path}`).join("\n")}

What it tells a network operations centre, as it does, over an MQTT broker that the demo brings along; a table of that, and an answer:

  mosquitto_sub -h ${HOST} -p ${new URL(brokerUrl).port} -v -t 'cg/v1/demo/#'
  npx node src/main.ts noc watch --broker ${brokerUrl} --tenant demo
  npx node src/main.ts noc send ${GATEWAY} ping --broker ${brokerUrl} --tenant demo

gateway   process ${processes.gatewayPid}, config ${processes.configFile}
broker    process ${processes.brokerPid}, ${brokerUrl}
cameras   process ${processes.camerasPid}, ${cameraUrls[0] ?? ""} and so on
recorded  ${folder}/recordings (${paths[0]}) and ${folder}/ring (the others), gone with the demo

Ctrl-C ends everything. The gateway's log:
`;
}

function pathOf(url: string): string {
  return new URL(url).pathname.slice(1);
}
