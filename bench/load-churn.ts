// Load process: sessions that come and go, a number of them at any time, over TCP and UDP, with and without a goodbye.
import { serveLoad } from "./load-messages.ts";
import { RtspConnection, type Transport } from "./rtsp-connection.ts";

export interface ChurnOptions {
  readonly url: string;
  readonly sessions: number;
  /** Sessions at the same time. */
  readonly width: number;
  /** RTP packets that a session reads. */
  readonly packets: number;
  /** A session that has not read them by then has failed. */
  readonly timeoutMs: number;
}

interface Kind {
  readonly transport: Transport;
  /** `leave`: closes after SETUP, without having played. `reset`: RST instead of FIN. */
  readonly ending: "teardown" | "close" | "reset" | "leave";
}

/** A session over UDP outlives its connection by a minute, as MediaMTX has it too: one of those always says goodbye. */
const KINDS: readonly Kind[] = [
  { transport: "tcp", ending: "teardown" },
  { transport: "udp", ending: "teardown" },
  { transport: "tcp", ending: "close" },
  { transport: "udp", ending: "teardown" },
  { transport: "tcp", ending: "reset" },
  { transport: "udp", ending: "teardown" },
  { transport: "tcp", ending: "leave" },
  { transport: "udp", ending: "teardown" },
];

await serveLoad(async (options: ChurnOptions) => {
  const readBuffer = Buffer.allocUnsafeSlow(65_536);
  let next = 0;
  let done = 0;
  let failed = 0;

  const work = async () => {
    while (next < options.sessions) {
      const kind = KINDS[next % KINDS.length]!;
      next += 1;
      try {
        await runSession(options, kind, readBuffer);
      } catch {
        failed += 1;
      }
      done += 1;
    }
  };
  for (let i = 0; i < options.width; i += 1) void work();
  return { counters: () => ({ done, failed }) };
});

async function runSession({ url, packets, timeoutMs }: ChurnOptions, { transport, ending }: Kind, readBuffer: Buffer): Promise<void> {
  const connection = await RtspConnection.open(url, readBuffer);
  const timeout = setTimeout(() => connection.close(), timeoutMs);
  const closed = new Promise<void>((resolve) => {
    connection.onClose = resolve;
  });
  try {
    if (ending === "leave") {
      await connection.setUp(transport);
    } else {
      await playFor(connection, transport, packets, closed);
      if (ending === "teardown") await connection.tearDown();
    }
  } finally {
    clearTimeout(timeout);
    if (ending === "reset") connection.socket.resetAndDestroy();
    else connection.close();
    await closed;
  }
}

async function playFor(connection: RtspConnection, transport: Transport, packets: number, closed: Promise<void>): Promise<void> {
  let left = packets;
  const enough = new Promise<void>((resolve, reject) => {
    connection.onRtp = () => {
      left -= 1;
      if (left === 0) resolve();
    };
    void closed.then(() => reject(new Error("connection closed")));
  });
  await Promise.all([connection.play(transport), enough]);
}
