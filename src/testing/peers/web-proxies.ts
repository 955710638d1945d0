// nginx, Apache and Caddy as a user runs them, each as one process with a config of its own, on a port of this machine.
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { freeTcpPort } from "../free-ports.ts";
import { findPeer, type Peer } from "./find-peer.ts";
import { type RunningPeer, startPeer, type TestScope } from "./run-peer.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { until } from "./until.ts";

export interface WebProxy {
  readonly name: string;
  readonly peer: Peer;
  /** Starts it with `text` in the place where a site is configured; resolves with its origin once it listens. */
  start(scope: TestScope, text: string): Promise<string>;
}

const nginx: WebProxy = {
  name: "nginx",
  peer: findPeer("nginx"),
  async start(scope, text) {
    const folder = await temporaryFolder(scope);
    const port = await freeTcpPort(0);
    const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`).join("\n");
    const config = `daemon off;
master_process off;
pid ${folder}/pid;
error_log ${folder}/error.log;
events {}
http {
access_log off;
${places}
server {
listen 127.0.0.1:${port};
${text}
}
}
`;
    const file = join(folder, "nginx.conf");
    await writeFile(file, config);
    const process = startPeer(scope, nginx.peer, ["-p", folder, "-e", `${folder}/error.log`, "-c", file], { timeoutMs: 120_000 });
    return await listening(port, process);
  },
};

const apache: WebProxy = {
  name: "Apache",
  peer: findPeer("apache2"),
  async start(scope, text) {
    const folder = await temporaryFolder(scope);
    const port = await freeTcpPort(0);
    const modules = ["mpm_event", "authz_core", "headers", "proxy", "proxy_http"]
      .map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
      .join("\n");
    const config = `${modules}
ServerRoot ${folder}
ServerName 127.0.0.1
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
User daemon
Group daemon
Listen 127.0.0.1:${port}
${text}
`;
    const file = join(folder, "apache.conf");
    await writeFile(file, config);
    const process = startPeer(scope, apache.peer, ["-X", "-d", folder, "-f", file], { timeoutMs: 120_000 });
    return await listening(port, process);
  },
};

const caddy: WebProxy = {
  name: "Caddy",
  peer: findPeer("caddy"),
  async start(scope, text) {
    const folder = await temporaryFolder(scope);
    const port = await freeTcpPort(0);
    const file = join(folder, "Caddyfile");
    await writeFile(file, `{\nadmin off\nauto_https off\n}\n${text.replace(/^:80 /m, `http://127.0.0.1:${port} `)}`);
    const env = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
    const process = startPeer(scope, caddy.peer, ["run", "--config", file, "--adapter", "caddyfile"], { env, timeoutMs: 120_000 });
    return await listening(port, process);
  },
};

export const webProxies = { nginx, apache, caddy } as const;

async function listening(port: number, process: RunningPeer): Promise<string> {
  let ended = false;
  void process.exited.finally(() => {
    ended = true;
  });
  await until(`a server on port ${port}`, () => {
    if (ended) throw new Error(`it ended: ${process.stderr}${process.stdout}`);
    return new Promise<boolean>((resolve) => {
      const socket = connect({ host: "127.0.0.1", port });
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
  });
  return `http://127.0.0.1:${port}`;
}
