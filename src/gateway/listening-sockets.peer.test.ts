// The sockets that the program listens on, as the kernel tells them, against the list in docs/install.md.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import { test } from "node:test";
import { freeTcpPort, freeUdpPortPair } from "#testing/free-ports.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { writeSelfSigned } from "#testing/self-signed.ts";

const skip = process.platform === "linux" ? false : "the kernel's list of sockets is Linux'";

/** TCP_LISTEN, and a UDP socket that is bound and not connected (TCP_CLOSE): include/net/tcp_states.h. */
const LISTENING = { tcp: "0A", udp: "07" } as const;

interface Documented {
  readonly setting: string;
  readonly protocol: "tcp" | "udp";
  readonly port: number;
}

/** Of the table: `| 8000/udp, 8001/udp | `rtpAddress`, `rtcpAddress` | … |`. */
function documented(): readonly Documented[] {
  const docs = readFileSync(new URL("../../docs/install.md", import.meta.url), "utf8");
  return [...docs.matchAll(/^\| (\d+\/(?:tcp|udp)[^|]*) \| ([^|]+) \|/gm)].flatMap(([, ports, settings]) => {
    const names = [...settings!.matchAll(/`(\w+)`/g)].map(([, name]) => name!);
    return ports!.split(", ").map((one, i): Documented => {
      const [port = "", protocol = ""] = one.split("/");
      return { setting: names[i]!, protocol: protocol as "tcp", port: Number(port) };
    });
  });
}

/** `tcp 127.0.0.1:8554`, … of a process, sorted. */
async function listening(pid: number): Promise<readonly string[]> {
  const inodes = new Set<string>();
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const [, inode] = /^socket:\[(\d+)\]$/.exec(await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")) ?? [];
    if (inode !== undefined) inodes.add(inode);
  }
  const found: string[] = [];
  for (const table of ["tcp", "tcp6", "udp", "udp6"] as const) {
    const protocol = table.slice(0, 3) as "tcp" | "udp";
    for (const line of (await readFile(`/proc/${pid}/net/${table}`, "latin1").catch(() => "")).split("\n").slice(1)) {
      const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
      if (state !== LISTENING[protocol] || !inodes.has(inode)) continue;
      const [address = "", port = ""] = local.split(":");
      found.push(`${protocol} ${addressOf(address)}:${Number.parseInt(port, 16)}`);
    }
  }
  return found.sort();
}

/** The kernel writes four bytes at a time, each in the machine's order. */
function addressOf(hex: string): string {
  if (hex.length > 8) return `[${hex}]`;
  return [...Buffer.from(hex, "hex")].reverse().join(".");
}

test("the table names every setting of an address of a server that is built", () => {
  const names = documented().map(({ setting }) => setting);
  for (const name of [
    "rtspAddress",
    "rtspsAddress",
    "rtpAddress",
    "webrtcAddress",
    "playbackAddress",
    "apiAddress",
    "metricsAddress",
    "pprofAddress",
  ])
    assert.ok(names.includes(name), name);
});

for (const [what, settings, off] of [
  ["by default", "", ["rtspsAddress", "srtpAddress", "srtcpAddress", "playbackAddress", "apiAddress", "metricsAddress", "pprofAddress"]],
  ["with everything on", "api: yes\nmetrics: yes\npprof: yes\nplayback: yes\nrtspEncryption: optional\n", []],
  [
    "with RTSP over TCP alone",
    "webrtc: no\nrtspTransports: [tcp]\n",
    documented()
      .map(({ setting }) => setting)
      .filter((name) => name !== "rtspAddress"),
  ],
] as const) {
  test(`what listens ${what}`, { skip }, async (t) => {
    const pairs = { rtp: await freeUdpPortPair(0), srtp: await freeUdpPortPair(0) };
    const portFor = (setting: string, protocol: "tcp" | "udp"): number | Promise<number> => {
      const [, kind, isReports] = /^(rt|srt)(c?)pAddress$/.exec(setting) ?? [];
      if (kind !== undefined) return pairs[`${kind}p` as "rtp"] + (isReports === "" ? 0 : 1);
      return protocol === "tcp" ? freeTcpPort(0) : freeUdpPortPair(0);
    };
    const ports = new Map<string, number>();
    for (const { setting, protocol } of documented()) {
      ports.set(setting, await portFor(setting, protocol));
    }
    const env: Record<string, string> = { MTX_WEBRTC: "yes" };
    for (const [setting, port] of ports) env[`MTX_${setting.toUpperCase()}`] = `127.0.0.1:${port}`;
    const { keyFile, certFile } = await writeSelfSigned(await temporaryFolder(t));
    const tls = `rtspServerKey: ${keyFile}\nrtspServerCert: ${certFile}\n`;
    if (settings.includes("webrtc: no")) delete env["MTX_WEBRTC"];
    const program = await startCamgate(t, { config: `${settings}${tls}paths: {}\n`, env });
    const expected = documented()
      .filter(({ setting }) => !(off as readonly string[]).includes(setting))
      .map(({ setting, protocol }) => `${protocol} 127.0.0.1:${ports.get(setting)}`)
      .sort();
    if (settings.includes("metrics")) await program.process.match(/\[metrics\] listener opened/); // the last of all
    const found = await until("the servers", async () => {
      const now = await listening(program.process.pid);
      return now.length >= expected.length && now;
    });
    assert.deepEqual(found, expected);
  });
}
