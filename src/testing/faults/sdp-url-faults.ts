// Rows of the fault table: the URLs in session descriptions and answers (RFC 2326 §C.1.1), and redirects (§10.8, §11.3).
import assert from "node:assert/strict";
import { clipSdp } from "../clip-media.ts";
import type { CameraAnswer, Script } from "../scripted-camera.ts";
import type { Fault, FaultCase } from "./fault.ts";
import type { FaultOutcome } from "./fault-site.ts";

const UNDISTURBED = ["connecting", "probing", "live"] as const;
const LASTS_MS = 1500;

interface Naming {
  readonly name: string;
  /** `a=control` of the media and of the session; undefined: none. `{url}`: the URL of the DESCRIBE, `{origin}`: its scheme, host and port. */
  readonly media: string | undefined;
  readonly session?: string | undefined;
  readonly contentBase?: string;
  readonly contentLocation?: string;
  /** The only URL that the camera takes for SETUP; default: the first one that comes. */
  readonly takes?: string;
  /** The URLs of SETUP that must come, in order, and that of PLAY. */
  readonly setups: readonly string[];
  readonly play?: string;
}

/** With the places for the URL of DESCRIBE filled in. */
function filled(text: string, describedUrl: string): string {
  return text.replaceAll("{url}", describedUrl).replaceAll("{origin}", /^rtsp:\/\/[^/]+/.exec(describedUrl)![0]);
}

function describing({ media, session, contentBase, contentLocation, takes }: Naming): Script {
  let described = "";
  return {
    DESCRIBE: ({ url }) => {
      described = url;
      const [first, ...others] = clipSdp()
        .split("\r\n")
        .filter((line) => !line.startsWith("a=control:") && line !== "");
      const lines = [
        first,
        ...others.flatMap((line) => (line === "t=0 0" && session !== undefined ? [line, `a=control:${filled(session, url)}`] : [line])),
        ...(media === undefined ? [] : [`a=control:${filled(media, url)}`]),
        "",
      ];
      const headers = {
        "Content-Type": "application/sdp",
        "Content-Base": contentBase && filled(contentBase, url),
        "Content-Location": contentLocation && filled(contentLocation, url),
      };
      return { headers, body: lines.join("\r\n") };
    },
    SETUP: ({ url }) => (takes === undefined || url === filled(takes, described) ? undefined : { status: 404 }),
  };
}

function named(naming: Naming): FaultCase {
  const { name, media, session, contentBase, contentLocation, takes, setups, play = "{url}" } = naming;
  const said = Object.entries({ "a=control": media, "a=control of the session": session, "Content-Base": contentBase, contentLocation });
  const all = said.flatMap(([what, text]) => (text === undefined ? [] : [`${what} ${text}`])).join(", ");
  return {
    name,
    stimulus: {
      does: `describes itself with ${all === "" ? "no URL at all" : all}${takes === undefined ? "" : `; SETUP of anything but ${takes} is 404`}`,
      camera: () => ({ script: describing(naming) }),
      lastsMs: LASTS_MS,
    },
    expected: {
      source: { states: UNDISTURBED },
      requests: { SETUP: setups.length, PLAY: 1 },
      readers: { gaps: [] },
      also: ({ rig: { camera } }) => {
        const described = camera.of("DESCRIBE")[0]!.url;
        const urls = (method: string) => camera.of(method).map(({ url }) => url);
        assert.deepEqual(
          urls("SETUP"),
          setups.map((url) => filled(url, described)),
        );
        assert.deepEqual(urls("PLAY"), [filled(play, described)]);
      },
    },
  };
}

const RELATIVE = "trackID=0";
const BEHIND = "{url}/trackID=0";

const c07: Fault = {
  id: "C07",
  title: "control URLs in every form",
  cases: [
    named({ name: "relative", media: RELATIVE, setups: [BEHIND] }),
    named({ name: "relative, from a slash on", media: "/stream/trackID=0", setups: ["{origin}/stream/trackID=0"] }),
    named({ name: "absolute", media: "{url}/trackID=0", setups: [BEHIND] }),
    named({ name: "absolute, of another path", media: "{origin}/media/trackID=0", setups: ["{origin}/media/trackID=0"] }),
    named({ name: "absolute, of a private address behind NAT", media: "rtsp://192.168.1.64:554/stream/trackID=0", setups: [BEHIND] }),
    named({ name: "absolute, of 0.0.0.0", media: "rtsp://0.0.0.0/stream/trackID=0", setups: [BEHIND] }),
    named({ name: "*", media: "*", setups: ["{url}"] }),
    named({ name: "missing", media: undefined, setups: ["{url}"] }),
    named({ name: "* in the session", media: RELATIVE, session: "*", setups: [BEHIND] }),
    named({ name: "absolute in the session", media: RELATIVE, session: "{origin}/all", setups: [BEHIND], play: "{origin}/all" }),
    named({
      name: "absolute in the session, behind NAT",
      media: RELATIVE,
      session: "rtsp://10.0.0.9/stream/",
      setups: [BEHIND],
      play: "{url}/",
    }),
    named({ name: "Content-Base with a slash", media: RELATIVE, contentBase: "{url}/", setups: [BEHIND], play: "{url}/" }),
    named({ name: "Content-Base without a slash", media: RELATIVE, contentBase: "{url}", setups: [BEHIND] }),
    named({
      name: "Content-Base of another path",
      media: RELATIVE,
      contentBase: "{origin}/live/",
      setups: ["{origin}/live/trackID=0"],
      play: "{origin}/live/",
    }),
    named({
      name: "Content-Base with a query",
      media: RELATIVE,
      contentBase: "{url}?channel=1&subtype=0",
      setups: ["{url}?channel=1&subtype=0/trackID=0"],
      play: "{url}?channel=1&subtype=0",
    }),
    named({
      name: "Content-Base with credentials",
      media: RELATIVE,
      contentBase: "rtsp://admin:12345@127.0.0.1/stream/",
      setups: ["{url}/trackID=0"],
      play: "{url}/",
    }),
    named({
      name: "Content-Base with a private address behind NAT",
      media: RELATIVE,
      contentBase: "rtsp://192.168.1.64:554/stream/",
      setups: [BEHIND],
      play: "{url}/",
    }),
    named({ name: "Content-Base in quotes", media: RELATIVE, contentBase: '"{url}/"', setups: [BEHIND], play: "{url}/" }),
    named({ name: "Content-Location only", media: RELATIVE, contentLocation: "{url}/", setups: [BEHIND], play: "{url}/" }),
    named({
      name: "relative as RFC 3986 has it",
      media: RELATIVE,
      takes: "{origin}/trackID=0",
      setups: [BEHIND, "{origin}/trackID=0"],
    }),
    named({
      name: "Content-Base is wrong",
      media: RELATIVE,
      contentBase: "{origin}/nowhere/",
      takes: BEHIND,
      setups: ["{origin}/nowhere/trackID=0", BEHIND],
      play: "{origin}/nowhere/",
    }),
    named({
      name: "its own name for itself, and no other",
      media: "rtsp://192.168.1.64/stream/trackID=0",
      takes: "rtsp://192.168.1.64/stream/trackID=0",
      setups: [BEHIND, "rtsp://192.168.1.64/stream/trackID=0"],
    }),
  ],
};

/** The same camera by another name: its IPv4 address as one of IPv6 (RFC 4291 §2.5.5.2). */
function elsewhere(url: string): string {
  return url.replace("//127.0.0.1", "//[::ffff:127.0.0.1]");
}

function redirecting(where: (url: string, count: number) => CameraAnswer | undefined): NonNullable<FaultCase["stimulus"]["camera"]> {
  return () => {
    let count = 0;
    return { script: { DESCRIBE: ({ url }) => where(url, count++) } };
  };
}

function described({ rig }: FaultOutcome): readonly { readonly url: string; readonly authorization: string | undefined }[] {
  return rig.camera.of("DESCRIBE").map(({ url, headers }) => ({ url, authorization: headers.get("Authorization") }));
}

const NO_MEDIA = { gaps: [{ fromMs: 0, toMs: LASTS_MS }] };
const REFUSED = ["connecting", "backoff", "connecting", "backoff"] as const;

function refusedRedirect(name: string, location: string | undefined, fault: "protocol" | "unsupported", describes: number): FaultCase {
  return {
    name,
    stimulus: {
      does: `answers each DESCRIBE with 302 and ${location === undefined ? "no Location" : `Location: ${location}`}`,
      camera: redirecting((url) => ({ status: 302, headers: { Location: location?.replace("{url}", url) } })),
      lastsMs: LASTS_MS - 200,
    },
    expected: {
      source: { states: REFUSED, faults: [fault, fault] },
      requests: { DESCRIBE: describes * 2, SETUP: 0 },
      readers: NO_MEDIA,
    },
  };
}

const c11: Fault = {
  id: "C11",
  title: "redirects",
  cases: [
    ...[301, 302].map(
      (status): FaultCase => ({
        name: `${status} to another path`,
        stimulus: {
          does: `answers ${status} to the first DESCRIBE, with another path of its own`,
          camera: redirecting((url, count) => (count === 0 ? { status, headers: { Location: `${url}/main` } } : undefined)),
          lastsMs: LASTS_MS,
        },
        expected: {
          source: { states: UNDISTURBED },
          requests: { DESCRIBE: 2, PLAY: 1 },
          readers: { gaps: [] },
          also: (outcome) => assert.ok(described(outcome)[1]!.url.endsWith("/stream/main")),
        },
      }),
    ),
    {
      name: "to another host, twice",
      stimulus: {
        does: "sends the client to another host, and from there to another path",
        camera: redirecting((url, count) => (count < 2 ? { status: 302, headers: { Location: `${elsewhere(url)}/${count}` } } : undefined)),
        lastsMs: LASTS_MS,
      },
      expected: {
        source: { states: UNDISTURBED },
        requests: { DESCRIBE: 3, PLAY: 1 },
        readers: { gaps: [] },
        also: (outcome) => assert.match(described(outcome)[2]!.url, /^rtsp:\/\/\[::ffff:127.0.0.1\]:\d+\/stream\/0\/1$/),
      },
    },
    {
      name: "to another host, which asks for the password",
      stimulus: {
        does: "asks for the password, then sends the client to another host, which asks again: the password was not given for that one",
        camera: () => ({
          script: {
            DESCRIBE: ({ url, headers }) => {
              if (headers.get("Authorization") !== undefined) return { status: 302, headers: { Location: elsewhere(url) } };
              return { status: 401, headers: { "WWW-Authenticate": 'Basic realm="camera"' } };
            },
          },
        }),
        login: "admin:secret",
        lastsMs: LASTS_MS,
      },
      expected: {
        source: { states: ["connecting", "auth"], faults: ["auth"] },
        requests: { DESCRIBE: 3 },
        readers: NO_MEDIA,
        also: (outcome) =>
          assert.deepEqual(
            described(outcome).map(({ authorization }) => authorization !== undefined),
            [false, true, false],
          ),
      },
    },
    refusedRedirect("in a circle", "{url}", "protocol", 3),
    refusedRedirect("without a Location", undefined, "protocol", 1),
    refusedRedirect("to a web page", "http://192.0.2.1/", "protocol", 1),
    refusedRedirect("to a file", "file:///etc/passwd", "protocol", 1),
    refusedRedirect("to RTSP over TLS", "rtsps://192.0.2.1/stream", "unsupported", 1),
    refusedRedirect("into a tunnel", "rtsp+http://192.0.2.1/stream", "unsupported", 1),
  ],
};

export const sdpUrlFaults: readonly Fault[] = [c07, c11];
