import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { redactText, redactValue } from "./redact.ts";
import { globalSchema, pathSchema } from "./schema.ts";

describe("redaction", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["rtsp://admin:s3cret@192.0.2.1:554/x", "rtsp://admin:<redacted>@192.0.2.1:554/x"],
    ["rtsp://admin:s3#c%r@et@192.0.2.1/x", "rtsp://admin:<redacted>@192.0.2.1/x"],
    ["rtsp://admin:s3/cr?et@192.0.2.1/x", "rtsp://admin:<redacted>@192.0.2.1/x"],
    ["rtsp://192.0.2.1:554/x@y", "rtsp://192.0.2.1:554/x@y"],
    ["rtsp://[2001:db8::1]:554/x@y", "rtsp://[2001:db8::1]:554/x@y"],
    ["rtsp://192.0.2.1/user=admin_password=s3cret_channel=1", "rtsp://192.0.2.1/user=admin_password=<redacted>"],
    ["rtsp://h/x?user=a&pass=s3cret&b=1", "rtsp://h/x?user=a&pass=<redacted>&b=1"],
    [
      "srt://h:1?streamid=publish:path:user:s3cret&passphrase=s3cretlong",
      "srt://h:1?streamid=publish:path:user:<redacted>&passphrase=<redacted>",
    ],
    ["srt://h:1?streamid=#!::m=publish,r=path,u=user,s=s3cret", "srt://h:1?streamid=#!::m=publish,r=path,u=user,s=<redacted>"],
    ["ffmpeg://rtsp://u:s3cret@h/x -c:v libx264 -f rtsp", "ffmpeg://rtsp://u:<redacted>@h/x -c:v libx264 -f rtsp"],
    ["ffmpeg -i rtsp://u:s3cret@h/x rtmp://v:s3cret@g/y", "ffmpeg -i rtsp://u:<redacted>@h/x rtmp://v:<redacted>@g/y"],
    ["publisher", "publisher"],
  ];
  for (const [text, shown] of cases) {
    it(`shows ${shown}`, () => assert.equal(redactText(text), shown));
  }

  it("replaces secret settings and fields, and leaves empty ones empty", () => {
    const users = [{ user: "a", pass: "s3cret", ips: [], permissions: [] }];
    assert.deepEqual(redactValue(users, globalSchema.get("authInternalUsers")!), [
      { user: "a", pass: "<redacted>", ips: [], permissions: [] },
    ]);
    assert.equal(redactValue("s3cretlong", pathSchema.get("srtReadPassphrase")!), "<redacted>");
    assert.equal(redactValue("", pathSchema.get("srtReadPassphrase")!), "");
  });
});
