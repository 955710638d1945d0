// The environment variables of hooks, by MediaMTX's names. What strangers choose in them is made of letters, digits and `_ - . ~ / % +` alone: a shell
// that a command starts finds nothing in it to act on.

export type HookVariables = Readonly<Record<string, string>>;

/** A path, as far as its hooks are told of it. */
export interface NamedPath {
  readonly name: string;
  /** What the groups of its entry's expression found. */
  readonly groups: readonly string[];
}

export function pathVariables({ name, groups }: NamedPath, rtspPort: number): HookVariables {
  return {
    MTX_PATH: name,
    RTSP_PATH: name, // MediaMTX's old name for it
    RTSP_PORT: String(rtspPort),
    ...Object.fromEntries(groups.map((group, i) => [`G${i + 1}`, group])),
  };
}

/** As in a form (URL Standard §5.2), with ~ left and * escaped as Go does it: `&` and `=` are escaped as well, the whole query is one value. */
export function escapeQuery(query: string): string {
  let escaped = "";
  for (const byte of Buffer.from(query, "utf8")) {
    const character = String.fromCharCode(byte);
    if (/[A-Za-z0-9\-_.~]/.test(character)) escaped += character;
    else escaped += byte === 0x20 ? "+" : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return escaped;
}

/** The shortest decimal number, to the microsecond. */
export function secondsText(seconds: number): string {
  return String(Math.max(0, Math.round(seconds * 1e6)) / 1e6);
}
