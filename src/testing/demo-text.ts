// What the demo writes: the gateway's config, and the screen with what to open and to type.

export interface DemoSite {
  readonly rtspPort: number;
  /** RTCP is the next one. */
  readonly rtpPort: number;
  /** Where the cameras are, with user and password. */
  readonly cameraUrls: readonly string[];
}

export interface DemoProcesses {
  readonly configFile: string;
  readonly gatewayPid: number | undefined;
  readonly camerasPid: number | undefined;
}

const HOST = "127.0.0.1";

/** A path for each camera. */
export function demoConfig({ rtspPort, rtpPort, cameraUrls }: DemoSite): string {
  const addresses = `rtspAddress: ${HOST}:${rtspPort}\nrtpAddress: ${HOST}:${rtpPort}\nrtcpAddress: ${HOST}:${rtpPort + 1}\n`;
  return `${addresses}paths:\n${cameraUrls.map((url) => `  ${pathOf(url)}:\n    source: ${url}\n`).join("")}`;
}

export function demoScreen({ rtspPort, cameraUrls }: DemoSite, processes: DemoProcesses): string {
  const urls = cameraUrls.map((url) => `rtsp://${HOST}:${rtspPort}/${pathOf(url)}`);
  const [first = ""] = urls;
  return `
camgate demo: ${urls.length} simulated cameras, pulled by one gateway.

${urls.map((url) => `  ${url}`).join("\n")}

Watch one with any of these, in another terminal:

  ffplay -fflags nobuffer -rtsp_transport tcp ${first}
  gst-launch-1.0 playbin uri=${first}
  vlc ${first}

gateway   process ${processes.gatewayPid}, config ${processes.configFile}
cameras   process ${processes.camerasPid}, ${cameraUrls[0] ?? ""} and so on

Ctrl-C ends everything. The gateway's log:
`;
}

function pathOf(url: string): string {
  return new URL(url).pathname.slice(1);
}
