// Finds the foreign programs that peer tests talk to: what a distribution ships on the PATH, Go peers by an environment variable each.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

export type PeerName =
  | "apache2"
  | "caddy"
  | "chromium"
  | "curl"
  | "ffmpeg"
  | "ffprobe"
  | "gst-launch-1.0"
  | "gst-rtsp-server"
  | "mediamtx"
  | "mosquitto"
  | "mosquitto_pub"
  | "mosquitto_sub"
  | "nginx"
  | "openssl"
  | "pion"
  | "promtool"
  | "gortsplib"
  | "python3"
  | "python3-fusepy"
  | "python3-jinja2"
  | "strace"
  | "systemd-analyze"
  | SystemTool;

/** Of e2fsprogs, util-linux, mount, coreutils, tar and fuse3: every Debian has them, or gets them with a package of ours. */
export type SystemTool = "stdbuf" | "tar" | "truncate" | "losetup" | "mkfs.ext4" | "mount" | "umount" | "unshare" | "fusermount3";

export interface Peer {
  readonly name: string;
  /** The program to start. Empty when it is missing. */
  readonly file: string;
  /** What to hand to `test(…, { skip: peer.missing })`: why it is not there, or false. */
  readonly missing: string | false;
}

/** Go peers are no package of any distribution: whoever wants them tested names a binary. */
const PEER_VARIABLES: Partial<Record<PeerName, string>> = {
  mediamtx: "CAMGATE_PEER_MEDIAMTX",
  gortsplib: "CAMGATE_PEER_GORTSPLIB",
  pion: "CAMGATE_PEER_PION",
};

/** Bindings that only the distribution's Python has; another one that comes before it on the PATH may not. */
const PYTHON_IMPORTS: Partial<Record<PeerName, string>> = {
  "gst-rtsp-server": "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer",
  "python3-fusepy": "import fusepy",
  "python3-jinja2": "import jinja2",
};

/**
 * Looks for a peer. One that is missing is a visible skip, except in CI (`CI=true`), where everything that a distribution ships
 * has to be there. Throws then, and when a variable names something that cannot be run.
 */
export function findPeer(name: PeerName): Peer {
  const variable = PEER_VARIABLES[name];
  if (variable !== undefined) {
    const file = process.env[variable];
    if (!file) return { name, file: "", missing: `${variable} names no binary` };
    if (!isExecutable(file)) throw new Error(`${variable}: ${file} cannot be run`);
    return { name, file, missing: false };
  }
  const imports = PYTHON_IMPORTS[name];
  const file = imports === undefined ? onPath(name)[0] : pythonWith(imports);
  if (file !== undefined) return { name, file, missing: false };
  if (process.env["CI"] === "true") throw new Error(`${name} is not installed, and CI tests against it`);
  return { name, file: "", missing: `${name} is not installed` };
}

/** The first reason among several peers, for a test that needs them all. */
export function missingOf(...peers: readonly Peer[]): string | false {
  return peers.find(({ missing }) => missing !== false)?.missing ?? false;
}

function pythonWith(imports: string): string | undefined {
  return onPath("python3").find((file) => spawnSync(file, ["-c", imports], { stdio: "ignore" }).status === 0);
}

function onPath(name: string): string[] {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  // Web servers are there, which is on the PATH of root alone.
  return [...folders, "/usr/sbin"].map((folder) => join(folder, name)).filter(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
