// Takes the PROXY header off the beginning of a connection; what follows is left for whoever reads on.
import type { Socket } from "node:net";
import { PeerFault } from "#base/errors.ts";
import { type ProxiedClient, parseProxyHeader } from "./proxy-protocol.ts";

/**
 * Resolves with the client that the proxy names; undefined: there is no header, or it names none. Rejects with a PeerFault when the header is broken or does
 * not come in time; the connection is left to the caller. Nobody else may read from it meanwhile.
 */
export function takeProxyHeader(socket: Socket, timeoutMs: number): Promise<ProxiedClient | undefined> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const settle = (): void => {
      clearTimeout(timer);
      socket.off("readable", read).off("error", fail).off("close", onClose);
    };
    const fail = (error: Error): void => {
      settle();
      reject(error);
    };
    const onClose = (): void => fail(new PeerFault("ended", "closed before the first byte"));
    const timer = setTimeout(() => fail(new PeerFault("timeout", "sent no PROXY header in time")), timeoutMs);
    const read = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) {
        if (socket.readableEnded) onClose();
        return;
      }
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const header = parseProxyHeader(received);
      if (header.kind === "incomplete") return;
      if (header.kind === "broken") {
        fail(new PeerFault("protocol", `the PROXY header cannot be used: ${header.fault}`));
        return;
      }
      settle();
      const rest = header.kind === "header" ? received.subarray(header.lengthBytes) : received;
      if (rest.length > 0) socket.unshift(rest);
      resolve(header.kind === "header" ? header.client : undefined);
    };
    socket.on("readable", read).on("error", fail).on("close", onClose);
  });
}
