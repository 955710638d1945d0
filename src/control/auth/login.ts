// Where credentials are found: the header, else the query of a RTSP or RTMP URL, whose clients often know no other place. Pure functions.
import type { AuthRequest, DigestProof } from "./access-question.ts";

/** All that a request says of who sent it; empty strings where it says nothing. */
export interface Login {
  readonly user: string;
  readonly pass: string;
  readonly token: string;
  readonly digest: DigestProof | undefined;
}

type LoginRequest = Pick<AuthRequest, "credentials" | "protocol" | "query">;

/** Longer queries are not looked into. */
const MAX_QUERY_LENGTH = 16_384;
const NO_LOGIN: Login = { user: "", pass: "", token: "", digest: undefined };

/** A header wins over the query. */
export function loginOf(request: LoginRequest): Login {
  const { credentials } = request;
  if (credentials.kind === "basic" && (credentials.user !== "" || credentials.pass !== ""))
    return { ...NO_LOGIN, user: credentials.user, pass: credentials.pass };
  if (credentials.kind === "token" && credentials.token !== "") return { ...NO_LOGIN, token: credentials.token };
  if (credentials.kind === "digest") return { ...NO_LOGIN, user: credentials.user, digest: credentials };
  return takesQuery(request) ? { ...NO_LOGIN, ...passwordOfQuery(request.query) } : NO_LOGIN;
}

/** For services that take tokens: the bearer token, else the password, else `token` or `jwt` of the query. Empty where there is none. */
export function tokenOf(request: LoginRequest, login = loginOf(request)): string {
  return login.token || login.pass || (takesQuery(request) ? tokenOfQuery(request.query) : "");
}

/** `user=…&pass=…`, percent-decoded. Both have to be there, once: other parameters of a camera's URL may be named like one of them. */
export function passwordOfQuery(query: string): { readonly user: string; readonly pass: string } | undefined {
  const parameters = parametersOf(query);
  const user = only(parameters, "user");
  const pass = only(parameters, "pass");
  return user === undefined || pass === undefined ? undefined : { user, pass };
}

/** `token=…`, or `jwt=…` as older clients have it; empty when there is none or more than one. */
export function tokenOfQuery(query: string): string {
  const parameters = parametersOf(query);
  return only(parameters, "token") ?? only(parameters, "jwt") ?? "";
}

function takesQuery({ protocol }: LoginRequest): boolean {
  return protocol === "rtsp" || protocol === "rtmp";
}

function parametersOf(query: string): URLSearchParams {
  return new URLSearchParams(query.length > MAX_QUERY_LENGTH ? "" : query);
}

function only(parameters: URLSearchParams, name: string): string | undefined {
  const values = parameters.getAll(name);
  return values.length === 1 ? values[0] : undefined;
}
