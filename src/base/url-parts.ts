// The parts of a URL that a person wrote, whose password may have any character: what RFC 3986 would take for the end of the host may be in it.

export interface UrlParts {
  readonly scheme: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Host and port as written, brackets included. */
  readonly host: string;
}

/**
 * Scheme, credentials and host of a URL, or undefined. A password may hold `#`, `%`, `?` and `@`, and a slash where a `@` follows that can only be
 * the end of credentials.
 */
export function splitUrl(url: string): UrlParts | undefined {
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(url);
  if (match === null) {
    return undefined;
  }
  const rest = match[2]!;
  const at = credentialsEnd(rest);
  const credentials = at === -1 ? undefined : rest.slice(0, at);
  const host = /^[^/?#]*/.exec(rest.slice(at + 1))![0];
  const colon = credentials?.indexOf(":") ?? -1;
  return {
    scheme: match[1]!.toLowerCase(),
    user: colon === -1 ? credentials : credentials!.slice(0, colon),
    password: colon === -1 ? undefined : credentials!.slice(colon + 1),
    host,
  };
}

/** Offset of the `@` after the credentials of what follows `scheme://`, or -1. */
export function credentialsEnd(rest: string): number {
  const slash = rest.indexOf("/");
  const authority = slash === -1 ? rest : rest.slice(0, slash);
  if (authority.includes("@")) {
    return authority.lastIndexOf("@");
  }
  const looksLikeHost = /^(\[[^\]]*\]|[^:]*)(:(\d*|\$G\d+))?$/.test(authority.replace(/[?#].*$/s, ""));
  return looksLikeHost ? -1 : rest.lastIndexOf("@");
}
