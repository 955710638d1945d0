// Makes what a clone lacks present: npm packages as locked and, with --peers, the foreign programs that tests talk to.
// Runs before every npm script, on whatever Node the machine has (18 or newer), so: plain JavaScript, no packages, and
// quick when there is nothing to do.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const stampFile = join(modules, ".installed");
const LOCK_TIMEOUT_SECONDS = 300;

/** The foreign peers: a Debian package each and a file that shows it is there where there is no dpkg to ask. */
const peers = [
  { package: "ffmpeg", program: "ffmpeg" },
  { package: "gstreamer1.0-tools", program: "gst-launch-1.0" },
  { package: "gstreamer1.0-plugins-base" },
  { package: "gstreamer1.0-plugins-good" },
  { package: "gstreamer1.0-plugins-bad" },
  { package: "gstreamer1.0-plugins-ugly" },
  { package: "gstreamer1.0-libav" },
  { package: "gstreamer1.0-rtsp" },
  { package: "python3-gi" },
  { package: "python3-jinja2" },
  { package: "gir1.2-gst-rtsp-server-1.0" },
  { package: "strace", program: "strace" },
  { package: "fuse3", program: "fusermount3" },
  { package: "python3-fusepy" },
  { package: "curl", program: "curl" },
  { package: "systemd", program: "systemd-analyze" },
  { package: "libfaketime" },
  { package: "chromium", program: "chromium" },
  { package: "openssl", program: "openssl" },
  { package: "prometheus", program: "promtool" },
  { package: "nginx", program: "nginx" },
  { package: "apache2-bin", program: "apache2" },
  { package: "caddy", program: "caddy" },
  { package: "mosquitto", program: "mosquitto_passwd" },
  { package: "mosquitto-clients", program: "mosquitto_sub" },
];

const say = (text) => process.stderr.write(`${text}\n`);
const isOurBin = (directory) => directory.endsWith(join("node_modules", ".bin"));

function fail(text) {
  say(text);
  process.exit(1);
}

/** What an installation must match: the lock file, and the platform whose binaries were chosen. */
function wantedStamp() {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  return `${process.platform}-${process.arch} ${lock}\n`;
}

function installPackages() {
  const stamp = wantedStamp();
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return;
  say("installing the locked npm packages (npm ci)");
  // `npm ci` deletes node_modules, and with it the Node that may be first on the PATH: it runs on the machine's own.
  const path = (process.env.PATH ?? "")
    .split(delimiter)
    .filter((directory) => !isOurBin(directory))
    .join(delimiter);
  // No package here needs its install script; without them nothing comes from anywhere but the registry.
  const options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const result = spawnSync("npm", options, { cwd: root, env: { ...process.env, PATH: path }, encoding: "utf8" });
  if (result.error !== undefined) fail(`npm could not be started: ${result.error.message}`);
  if (result.status !== 0) {
    fail(
      `${result.stdout}${result.stderr}npm ci failed. It needs package-lock.json in step with package.json (npm install mends that) and the npm\n` +
        "registry or a mirror of it (npm config set registry URL). Offline: run npm ci once where there is a network, then copy\n" +
        "npm's cache (npm config get cache) here.",
    );
  }
  writeFileSync(stampFile, stamp);
}

/** npm 10 leaves this link out when it skips the same program of another platform first. */
function linkNode() {
  const link = join(modules, ".bin", "node");
  const program = join("..", `node-${process.platform}-${process.arch}`, "bin", "node");
  if (!existsSync(link) && existsSync(join(modules, ".bin", program))) symlinkSync(program, link);
}

/** Development needs a Node that strips types; on Linux x64 and arm64 the lock file brings one. */
function checkNode() {
  if (existsSync(join(modules, ".bin", "node"))) return;
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return;
  fail(
    `Node ${process.versions.node} is too old to develop with, and no packaged one fits ${process.platform}-${process.arch}: install Node 24.`,
  );
}

function onPath(program) {
  return (process.env.PATH ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The packages that are missing, as far as this machine can tell. */
function missingPeers() {
  const names = peers.map((peer) => peer.package);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's own notation
  const query = spawnSync("dpkg-query", ["-W", "-f=${Package} ${db:Status-Status}\n", ...names], { encoding: "utf8" });
  if (query.error !== undefined)
    return peers.filter((peer) => peer.program !== undefined && !onPath(peer.program)).map((peer) => peer.package);
  const installed = new Set(
    query.stdout
      .split("\n")
      .filter((line) => line.endsWith(" installed"))
      .map((line) => line.split(" ")[0]),
  );
  return names.filter((name) => !installed.has(name));
}

/** Runs apt-get; waits while somebody else holds one of its locks. */
function apt(...options) {
  const deadlineMs = Date.now() + LOCK_TIMEOUT_SECONDS * 1000;
  for (;;) {
    const result = spawnSync("apt-get", ["-q", "-y", "-o", `DPkg::Lock::Timeout=${LOCK_TIMEOUT_SECONDS}`, ...options], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
      encoding: "utf8",
    });
    if (result.status === 0) return undefined;
    const text = result.error?.message ?? result.stderr.trim();
    // The option above covers dpkg's lock, not that of the package lists.
    if (!/Could not get lock|Unable to lock/.test(text) || Date.now() > deadlineMs) return text;
    spawnSync("sleep", ["2"]);
  }
}

/**
 * Some programs come with a daemon: none is started, now or with the machine. A container may forbid it already. (Debian's policy-rc.d, and the
 * preset of systemd that its maintainer scripts ask.)
 */
function withoutDaemons(install) {
  const made = [
    ["/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n"],
    ["/etc/systemd/system-preset/00-camgate-peers.preset", "disable *\n"],
  ].filter(([path]) => existsSync(dirname(path)) && !existsSync(path));
  try {
    for (const [path, text] of made) writeFileSync(path, text, { mode: 0o755 });
    return install();
  } finally {
    for (const [path] of made) rmSync(path, { force: true });
  }
}

/** A peer that cannot be installed is no failure here: its tests fail in CI and are skipped elsewhere. */
function installPeers() {
  const missing = missingPeers();
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !onPath("apt-get")) {
    say(`foreign peers missing, their tests will be skipped: ${missing.join(" ")} (as root on Debian or Ubuntu this installs them)`);
    return;
  }
  say(`installing foreign peers: ${missing.join(" ")}`);
  const fault = apt("update") ?? withoutDaemons(() => apt("install", "--no-install-recommends", ...missing));
  if (fault !== undefined) say(`foreign peers could not be installed: ${fault}`);
}

installPackages();
linkNode();
checkNode();
if (process.argv.includes("--peers")) installPeers();
