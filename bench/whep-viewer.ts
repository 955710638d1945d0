// One viewer over WHEP for load processes: it checks and shakes hands as browsers do, over our own wire code, and leaves the packets to others.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { openUdpSocket, type UdpSocket } from "#native/udp-socket.ts";
import { DtlsClient } from "#protocols/webrtc/dtls/client.ts";
import type { SrtpKeys } from "#protocols/webrtc/dtls/endpoint.ts";
import type { DtlsIdentity } from "#protocols/webrtc/dtls/identity.ts";
import { looksLikeStun, parseStun, writeBindingRequest, writeBindingSuccess } from "#protocols/webrtc/stun.ts";

const SETUP_TIMEOUT_MS = 15_000;
/** RFC 7675 §5.1 */
const CHECK_MS = 4000;

/** Resolves, with the keys, when media comes. `onRtp`: each RTP packet of it, encrypted. */
export async function view(url: string, identity: DtlsIdentity, onRtp: (bytes: Buffer) => void): Promise<SrtpKeys> {
  const [ufrag, password] = [randomBytes(4).toString("hex"), randomBytes(12).toString("hex")];
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/sdp" },
    body: offerOf(ufrag, password, identity.fingerprint),
  });
  const answer = await response.text();
  if (response.status !== 201) throw new Error(`${response.status} ${answer}`);
  const [, remoteUfrag = ""] = /a=ice-ufrag:(\S+)/.exec(answer) ?? [];
  const [, remotePassword = ""] = /a=ice-pwd:(\S+)/.exec(answer) ?? [];
  const [, fingerprint = ""] = /a=fingerprint:sha-256 (\S+)/.exec(answer) ?? [];
  const port = Number(/a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+)/i.exec(answer)?.[1]);
  const socket = await openUdpSocket({ family: "udp4", host: "127.0.0.1", port: 0, readBufferBytes: 1 << 20 });
  const send = (datagram: Buffer): void => socket.dgram.send(datagram, port, "127.0.0.1");
  const check = (): void =>
    send(
      writeBindingRequest({
        transactionId: randomBytes(12),
        username: `${remoteUfrag}:${ufrag}`,
        password: remotePassword,
        priority: 1_853_824_767,
        useCandidate: true,
        role: "controlling",
        tieBreaker: Buffer.alloc(8, 1),
      }),
    );
  const fingerprints = [{ algorithm: "sha-256", digest: Buffer.from(fingerprint.replaceAll(":", ""), "hex") }];
  let fault: string | undefined;
  let started = false;
  const dtls = new DtlsClient({
    identity,
    fingerprints,
    send,
    onConnected: (exported) => {
      keys = exported;
    },
    onEnd: (reason) => {
      fault = reason ?? "the server said goodbye";
    },
  });
  let packets = 0;
  let keys: SrtpKeys | undefined;
  receive(socket, {
    onRtp: (bytes) => {
      packets++;
      onRtp(bytes);
    },
    onStun: (bytes) => {
      const message = parseStun(bytes);
      if (message?.kind === "request") {
        // An agent that is not lite checks us, too.
        send(writeBindingSuccess({ transactionId: message.transactionId, password }, { address: "127.0.0.1", port }));
      } else if (message?.kind === "success" && !started) {
        started = true;
        dtls.start();
      }
    },
    onDtls: (bytes) => dtls.receive(bytes),
  });
  check();
  const deadlineMs = performance.now() + SETUP_TIMEOUT_MS;
  for (let tries = 0; packets === 0 || keys === undefined; tries++) {
    if (fault !== undefined) throw new Error(fault);
    if (performance.now() > deadlineMs) throw new Error("no media came");
    await sleep(5);
    if (tries % 20 === 19) check();
  }
  setInterval(check, CHECK_MS);
  return keys;
}

function receive(
  socket: UdpSocket,
  { onStun, onDtls, onRtp }: { onStun(bytes: Buffer): void; onDtls(bytes: Buffer): void; onRtp(bytes: Buffer): void },
): void {
  socket.onDatagram((bytes) => {
    if (looksLikeStun(bytes)) onStun(bytes);
    else if (bytes[0]! < 64) onDtls(bytes);
    else if ((bytes[1]! & 0x7f) < 64 || (bytes[1]! & 0x7f) >= 96) onRtp(bytes); // RFC 5761 §4
  });
}

function offerOf(ufrag: string, password: string, fingerprint: string): string {
  return [
    "v=0",
    "o=- 1 1 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0",
    "m=video 9 UDP/TLS/RTP/SAVPF 102",
    "c=IN IP4 0.0.0.0",
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${password}`,
    `a=fingerprint:${fingerprint}`,
    "a=setup:active",
    "a=mid:0",
    "a=rtcp-mux",
    "a=recvonly",
    "a=rtpmap:102 H264/90000",
    "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    "a=rtcp-fb:102 nack",
    "a=rtcp-fb:102 nack pli",
    "",
  ].join("\r\n");
}
