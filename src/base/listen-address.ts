// Addresses that servers listen on, as the config writes them: `:8554`, `127.0.0.1:8554`, `[::1]:8554`.

export interface ListenAddress {
  /** undefined: every address, IPv4 and IPv6. */
  readonly host: string | undefined;
  /** 0: any free port. */
  readonly port: number;
}

export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  if (port > 65_535) return undefined;
  const host = match[1] ?? match[2];
  return { host: host === "" ? undefined : host, port };
}

/** `ip:port` as people write it: IPv6 in brackets, IPv4 that came over an IPv6 socket without its prefix. */
export function formatAddress(address: string, port: number): string {
  const plain = plainAddress(address);
  return plain.includes(":") ? `[${plain}]:${port}` : `${plain}:${port}`;
}

/** An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) as IPv4; any other as it is. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
