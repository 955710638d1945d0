// URLs of WHEP sources and WHIP destinations: HTTP under another name, with credentials as people write them.
import { splitUrl } from "#base/url-parts.ts";

export interface ClientUrl {
  /** `http://…` or `https://…`, without credentials. */
  readonly url: string;
  /** undefined: the URL has none. */
  readonly basic: { readonly user: string; readonly password: string } | undefined;
}

const SCHEMES: Readonly<Record<string, string>> = { whep: "http", wheps: "https", whip: "http", whips: "https" };

/** undefined: it is none. */
export function parseClientUrl(text: string): ClientUrl | undefined {
  const parts = splitUrl(text.trim());
  const scheme = parts && SCHEMES[parts.scheme];
  if (scheme === undefined || parts!.host === "") return undefined;
  const { user, password = "", host } = parts!;
  const rest = text.trim().slice(text.trim().indexOf("://") + 3);
  const credentials = user === undefined ? "" : `${rest.slice(0, rest.indexOf(`@${host}`))}@`;
  const url = `${scheme}://${rest.slice(credentials.length)}`;
  if (!URL.canParse(url)) return undefined;
  return { url, basic: user === undefined ? undefined : { user: decoded(user), password: decoded(password) } };
}

/** Percent-encoding is optional: what it would not be stays as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
