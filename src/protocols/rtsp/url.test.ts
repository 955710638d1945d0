import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { controlUrl, parseRtspUrl, type RtspUrl, urlWithoutCredentials } from "./url.ts";

function parsed(text: string): RtspUrl {
  const url = parseRtspUrl(text);
  assert.ok(url, text);
  return url;
}

describe("parseRtspUrl", () => {
  it("reads all parts", () => {
    assert.deepEqual(parseRtspUrl("rtsps://user:pass@cam.example:8322/a/b?x=1&y=/2"), {
      scheme: "rtsps",
      tunnel: "none",
      user: "user",
      pass: "pass",
      host: "cam.example",
      port: 8322,
      path: "/a/b",
      query: "x=1&y=/2",
    });
  });

  it("has the default port of each scheme and knows tunnels", () => {
    const schemes = ["rtsp", "RTSPS", "rtsp+http", "rtsps+http", "rtsp+ws", "rtsps+WS"];
    assert.deepEqual(
      schemes.map((scheme) => parsed(`${scheme}://h`)).map(({ scheme, tunnel, port }) => `${scheme} ${tunnel} ${port}`),
      ["rtsp none 554", "rtsps none 322", "rtsp http 554", "rtsps http 322", "rtsp ws 554", "rtsps ws 322"],
    );
  });

  const authorities: readonly [text: string, user: string | undefined, pass: string | undefined, host: string, tail: string][] = [
    ["10.0.0.1", undefined, undefined, "10.0.0.1", ""],
    ["10.0.0.1/", undefined, undefined, "10.0.0.1", "/"],
    ["10.0.0.1?a=b", undefined, undefined, "10.0.0.1", "?a=b"],
    ["cam-1/x", undefined, undefined, "cam-1", "/x"],
    ["cam_1.local/x", undefined, undefined, "cam_1.local", "/x"],
    ["u@10.0.0.1/x", "u", undefined, "10.0.0.1", "/x"],
    ["u:@10.0.0.1/x", "u", "", "10.0.0.1", "/x"],
    [":p@10.0.0.1/x", "", "p", "10.0.0.1", "/x"],
    ["u:p@cam/x", "u", "p", "cam", "/x"],
    ["u:p@localhost:8554/x", "u", "p", "localhost", "/x"],
    // unescaped characters in passwords
    ["u:p@ss@10.0.0.1/x", "u", "p@ss", "10.0.0.1", "/x"],
    ["u:p@@10.0.0.1/x", "u", "p@", "10.0.0.1", "/x"],
    ["u:p:w@10.0.0.1/x", "u", "p:w", "10.0.0.1", "/x"],
    ["u:p/w@10.0.0.1/x", "u", "p/w", "10.0.0.1", "/x"],
    ["u:p?w@10.0.0.1/x", "u", "p?w", "10.0.0.1", "/x"],
    ["u:p#w@10.0.0.1/x", "u", "p#w", "10.0.0.1", "/x"],
    ["u:#@:/%#@10.0.0.1:5540/x", "u", "#@:/%#", "10.0.0.1", "/x"],
    ["u:p@ss/w@10.0.0.1/x", "u", "p@ss/w", "10.0.0.1", "/x"],
    ["u:p@ss/w@cam:554/x", "u", "p@ss/w", "cam", "/x"],
    ["u:a/b/c@cam/x", "u", "a/b/c", "cam", "/x"],
    ["u:p//@10.0.0.1//x", "u", "p//", "10.0.0.1", "//x"],
    ["u:/w@10.0.0.1/x", "u", "/w", "10.0.0.1", "/x"],
    ["u:50%@10.0.0.1/x", "u", "50%", "10.0.0.1", "/x"],
    ["u:%zz@10.0.0.1/x", "u", "%zz", "10.0.0.1", "/x"],
    ["u:%ff@10.0.0.1/x", "u", "%ff", "10.0.0.1", "/x"],
    ["u:p w@10.0.0.1/x", "u", "p w", "10.0.0.1", "/x"],
    ["ü:grün€@10.0.0.1/x", "ü", "grün€", "10.0.0.1", "/x"],
    // percent-encoded
    ["u%40d:p%40%3a%2F%25%23@10.0.0.1/x", "u@d", "p@:/%#", "10.0.0.1", "/x"],
    ["u:gr%C3%BCn@10.0.0.1/x", "u", "grün", "10.0.0.1", "/x"],
    // what looks like a user and is none
    ["10.0.0.1/live@hd", undefined, undefined, "10.0.0.1", "/live@hd"],
    ["10.0.0.1/live@10.0.0.2", undefined, undefined, "10.0.0.1", "/live@10.0.0.2"],
    ["gate:8554/live@10.0.0.2", undefined, undefined, "gate", "/live@10.0.0.2"],
    ["u:p@10.0.0.1/live@10.0.0.2/x", "u", "p", "10.0.0.1", "/live@10.0.0.2/x"],
    ["u:p@cam/x?mail=a@b.com", "u", "p", "cam", "/x?mail=a@b.com"],
    ["10.0.0.1/user=admin_password=tl@x_channel=1", undefined, undefined, "10.0.0.1", "/user=admin_password=tl@x_channel=1"],
    // IPv6
    ["[::1]/x", undefined, undefined, "::1", "/x"],
    ["[fe80::1%25eth0]:8554/x", undefined, undefined, "fe80::1%eth0", "/x"],
    ["[fe80::1%eth0]/x", undefined, undefined, "fe80::1%eth0", "/x"],
    ["[fe80::1%25]/x", undefined, undefined, "fe80::1%25", "/x"],
    ["u:p[]@[2001:db8::ffff:10.0.0.1]:554/x", "u", "p[]", "2001:db8::ffff:10.0.0.1", "/x"],
    // the rest of the URL
    ['h/a b/ü?q="<é>"', undefined, undefined, "h", "/a%20b/%C3%BC?q=%22%3C%C3%A9%3E%22"],
    ["h/%20%zz", undefined, undefined, "h", "/%20%zz"],
    ["h/a?b?c", undefined, undefined, "h", "/a?b?c"],
    ["h:", undefined, undefined, "h", ""],
  ];
  for (const [text, user, pass, host, tail] of authorities) {
    it(text, () => {
      const url = parsed(`rtsp://${text}`);
      const query = url.query === undefined ? "" : `?${url.query}`;
      assert.deepEqual([url.user, url.pass, url.host, url.path + query], [user, pass, host, tail]);
    });
  }

  for (const text of [
    "",
    "rtsp://",
    "rtsp:///x",
    "rtsp://:554/x",
    "rtsp://u:p@/x",
    "rtsp://h:0/x",
    "rtsp://h:65536/x",
    "rtsp://h:55a/x",
    "rtsp://[::1/x",
    "rtsp://[]/x",
    "rtsp://[host]/x",
    "rtsp://a b/x",
    "rtsp://h/x\r\nCSeq: 1",
    "rtsp://u:\u0000@h/x",
    "http://h/x",
    "rtspu://h/x",
    "rtsp+tcp://h/x",
    "h/x",
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseRtspUrl(text), undefined));
  }
});

describe("urlWithoutCredentials", () => {
  it("has no user, no tunnel, no zone, no default port", () => {
    const cases: readonly [string, string][] = [
      ["rtsp://u:p@ss/w@10.0.0.1:554/x?y=1", "rtsp://10.0.0.1/x?y=1"],
      ["rtsp+http://u:p@cam:8080", "rtsp://cam:8080"],
      ["rtsps://[fe80::1%25eth0]:322/x", "rtsps://[fe80::1]/x"],
      ["rtsps://h:554/?", "rtsps://h:554/?"],
    ];
    for (const [from, to] of cases) assert.equal(urlWithoutCredentials(parsed(from)), to);
  });
});

describe("controlUrl", () => {
  const base = parsed("rtsp://admin:secret@203.0.113.7:10554/cam/realmonitor?channel=1&subtype=0");
  const cam = "rtsp://203.0.113.7:10554/cam/realmonitor";
  const plain = parsed("rtsp://10.0.0.1/Streaming/101");
  const cases: readonly [
    name: string,
    base: RtspUrl,
    contentBase: string | undefined,
    control: string | undefined,
    urls: readonly string[],
  ][] = [
    ["missing", plain, undefined, undefined, ["rtsp://10.0.0.1/Streaming/101"]],
    ["*", plain, "rtsp://10.0.0.1:554/Streaming/101/", "*", ["rtsp://10.0.0.1/Streaming/101/", "rtsp://10.0.0.1/Streaming/101"]],
    ["relative", plain, undefined, "trackID=1", ["rtsp://10.0.0.1/Streaming/101/trackID=1", "rtsp://10.0.0.1/Streaming/trackID=1"]],
    [
      "relative, base with a slash",
      plain,
      "rtsp://10.0.0.1/Streaming/101/",
      "trackID=1",
      ["rtsp://10.0.0.1/Streaming/101/trackID=1", "rtsp://10.0.0.1/Streaming/trackID=1"],
    ],
    [
      "relative, another base without a slash",
      plain,
      "rtsp://10.0.0.1/media",
      "track1",
      [
        "rtsp://10.0.0.1/media/track1",
        "rtsp://10.0.0.1/Streaming/101/track1",
        "rtsp://10.0.0.1/track1",
        "rtsp://10.0.0.1/Streaming/track1",
      ],
    ],
    [
      "relative behind a query, private address behind NAT",
      base,
      "rtsp://192.168.1.108:554/cam/realmonitor?channel=1&subtype=0/",
      "trackID=0",
      [
        `${cam}?channel=1&subtype=0/trackID=0`,
        "rtsp://203.0.113.7:10554/cam/trackID=0",
        "rtsp://192.168.1.108/cam/realmonitor?channel=1&subtype=0/trackID=0",
      ],
    ],
    [
      "absolute, private address, credentials",
      base,
      undefined,
      "rtsp://admin:secret@192.168.1.64:554/a/trackID=1",
      ["rtsp://203.0.113.7:10554/a/trackID=1", "rtsp://192.168.1.64/a/trackID=1"],
    ],
    ["absolute, same host", plain, undefined, "rtsp://10.0.0.1:554/x/1", ["rtsp://10.0.0.1/x/1"]],
    [
      "Content-Base with credentials",
      plain,
      "rtsp://u:p@10.0.0.1/Streaming/101/",
      "*",
      ["rtsp://10.0.0.1/Streaming/101/", "rtsp://10.0.0.1/Streaming/101"],
    ],
    ["Content-Base that is none", plain, "/Streaming/101/", "*", ["rtsp://10.0.0.1/Streaming/101"]],
    ["Content-Base in brackets", plain, "<rtsp://0.0.0.0/x>", "*", ["rtsp://10.0.0.1/x", "rtsp://10.0.0.1/Streaming/101"]],
    ["from the root", plain, undefined, "/media/1", ["rtsp://10.0.0.1/media/1", "rtsp://10.0.0.1/Streaming/101/media/1"]],
    ["a query", plain, undefined, "?ctype=video", ["rtsp://10.0.0.1/Streaming/101?ctype=video"]],
    ["no path", parsed("rtsp://10.0.0.1"), undefined, "track1", ["rtsp://10.0.0.1/track1"]],
    [
      "TLS stays",
      parsed("rtsps://10.0.0.1/x"),
      "rtsp://10.0.0.1/x/",
      "1",
      ["rtsps://10.0.0.1/x/1", "rtsps://10.0.0.1/1", "rtsp://10.0.0.1/x/1"],
    ],
    [
      "what a request line cannot carry",
      plain,
      undefined,
      "a b\r\nX: y",
      ["rtsp://10.0.0.1/Streaming/101/a%20b%0D%0AX:%20y", "rtsp://10.0.0.1/Streaming/a%20b%0D%0AX:%20y"],
    ],
  ];
  for (const [name, from, contentBase, control, urls] of cases) {
    it(name, () => assert.deepEqual(controlUrl(from, contentBase, control), urls));
  }
});
