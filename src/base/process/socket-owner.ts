// Whose connection comes to a port on loopback: the table of TCP sockets that Linux shows in /proc (proc_pid_net(5)).
import { readFile } from "node:fs/promises";

/** The user id of the process that connected from `peerPort` to our `port`, on 127.0.0.1; undefined where the system does not tell. Never rejects. */
export async function connectionOwner(port: number, peerPort: number): Promise<number | undefined> {
  try {
    return ownerIn(await readFile("/proc/self/net/tcp", "latin1"), port, peerPort);
  } catch {
    return undefined;
  }
}

/** As in a table with columns `sl local_address rem_address st tx:rx tr:when retrnsmt uid …`; addresses and ports in hexadecimal digits. */
export function ownerIn(table: string, port: number, peerPort: number): number | undefined {
  const [local, remote] = [peerPort, port].map((number) => `[0-9A-F]{8}:${number.toString(16).toUpperCase().padStart(4, "0")}`);
  const row = new RegExp(`^ *\\d+: ${local} ${remote} [0-9A-F]{2} \\S+ \\S+ \\S+ +(\\d+) `, "m").exec(table);
  return row === null ? undefined : Number(row[1]);
}
