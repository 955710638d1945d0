// Keeps pages of other sites from using a server through somebody's browser: under a name that was bent to our address (DNS rebinding), or by requests
// that a browser sends without asking (CSRF). Programs do not notice it.
import { isIP } from "node:net";
import { allowedOrigin } from "./cors.ts";
import { HttpFault } from "./http-fault.ts";
import type { HttpExchange } from "./server.ts";

export interface BrowserGuardOptions {
  /** Of this machine, without a domain. */
  readonly hostName: string;
  /** Further names, asked for at each request: `name`, or `*.name` for all below it. */
  allowedHosts(): readonly string[];
  /** Origins of pages that may change something; a bare `*` is none. */
  allowedOrigins(): readonly string[];
}

const LOOKING: ReadonlySet<string | undefined> = new Set(["GET", "HEAD", "OPTIONS"]);
const MAX_SHOWN = 100;

export class BrowserGuard {
  readonly #options: BrowserGuardOptions;
  readonly #ownNames: ReadonlySet<string>;

  constructor(options: BrowserGuardOptions) {
    this.#options = options;
    const name = options.hostName.toLowerCase();
    this.#ownNames = new Set(["localhost", name, `${name}.local`]);
  }

  /** Throws an HttpFault. */
  check({ request, publicUrl }: Pick<HttpExchange, "request" | "publicUrl">): void {
    const own = urlOf(publicUrl);
    const name = own === undefined ? undefined : plainName(own.hostname);
    if (name === undefined || !this.#isOurs(name)) {
      const shown = (request.headers.host ?? "").slice(0, MAX_SHOWN);
      throw new HttpFault(403, `this gateway does not go by the name '${shown}': httpAllowedHosts can name it`);
    }
    if (LOOKING.has(request.method)) return;
    const { origin } = request.headers;
    if (origin === undefined || urlOf(origin)?.host === own!.host) return;
    const named = this.#options.allowedOrigins().filter((entry) => entry !== "*");
    if (allowedOrigin(origin, named) === undefined)
      throw new HttpFault(
        403,
        `pages of '${origin.slice(0, MAX_SHOWN)}' may not change anything here: the …AllowOrigins setting of this server can name them`,
      );
  }

  /** Nobody can have an address answer under his own name that he does not own: addresses pass. */
  #isOurs(name: string): boolean {
    if (isIP(name) !== 0 || this.#ownNames.has(name)) return true;
    return this.#options.allowedHosts().some((entry) => {
      const allowed = entry.toLowerCase();
      return allowed.startsWith("*.") ? name.endsWith(allowed.slice(1)) : name === allowed;
    });
  }
}

function urlOf(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** Without the brackets of IPv6, and without the dot that ends a full name. */
function plainName(hostname: string): string {
  return hostname
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "")
    .toLowerCase();
}
