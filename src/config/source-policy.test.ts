// S09: what may be pulled from when the API sets it. Every spelling of an address that is not for it.
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { addressFault, sourcePolicyFault } from "./source-policy.ts";

const DENIED = [
  // Loopback, in every spelling.
  "rtsp://127.0.0.1/x",
  "rtsp://127.0.0.1:9997/v3/config/global/get",
  "rtsp://127.1/x",
  "rtsp://127.255.255.254:554/x",
  "rtsp://2130706433/x",
  "rtsp://0x7f000001/x",
  "rtsp://0x7f.0.0.1/x",
  "rtsp://0177.0.0.1/x",
  "rtsp://017700000001/x",
  "rtsp://localhost/x",
  "rtsp://LOCALHOST:8554/x",
  "rtsp://cam.localhost/x",
  "rtsp://localhost./x",
  "rtsp://[::1]/x",
  "rtsp://[0:0:0:0:0:0:0:1]:554/x",
  "rtsp://[::ffff:127.0.0.1]/x",
  "rtsp://[::ffff:7f00:1]/x",
  "rtsp://[::127.0.0.1]/x",
  "rtsp://[::]/x",
  "rtsp://0.0.0.0/x",
  "rtsp://0/x",
  // Link-local, which holds the metadata of clouds; multicast; broadcast.
  "rtsp://169.254.169.254/latest/meta-data/",
  "rtsp://[fe80::1]/x",
  "rtsp://[fe80::1%25eth0]/x",
  "rtsp://[::ffff:169.254.169.254]/x",
  "rtsp://2852039166/x",
  "rtsp://224.1.2.3/x",
  "rtsp://[ff02::1]/x",
  "rtsp://255.255.255.255/x",
  // The world.
  "rtsp://8.8.8.8/x",
  "rtsp://100.64.0.1/x",
  "rtsp://172.32.0.1/x",
  "rtsp://192.169.0.1/x",
  "rtsp://[2001:db8::1]/x",
  "rtsp://[64:ff9b::a00:5]/x",
  "rtsp://[2002:a00:5::1]/x",
  "rtsp://[::ffff:10.0.0.5]/x",
  // Who is the host?
  "rtsp://10.0.0.5@127.0.0.1/x",
  "rtsp://user:pass@10.0.0.5@127.0.0.1:554/x",
  "rtsp://10.0.0.5:80@127.0.0.1/x",
  "rtsp://127.0.0.1\\@10.0.0.5\\x/y",
  "rtsp://①②⑦.⓪.⓪.①/x",
  "rtsp://127。0。0。1/x",
  "rtsp://10.0.0.5:554:127.0.0.1/x",
  "rtsp://$G1/x",
  "rtsp://u:p@$MTX_QUERY/x",
  "rtsp://[::1/x",
  "rtsp:///x",
  // Other ways out.
  "http://10.0.0.5/x.m3u8",
  "rtmp://10.0.0.5/x",
  "srt://10.0.0.5:9000",
  "whep://10.0.0.5/x/whep",
  "udp+mpegts://239.1.1.1:5000",
  "unix+rtp:///run/x",
  "ffmpeg:///etc/passwd",
  "file:///etc/passwd",
  "rtsp+http://10.0.0.5/x",
  "gopher://10.0.0.5/x",
  "rpiCamera",
  "10.0.0.5",
  "",
];

const ALLOWED = [
  "publisher",
  "redirect",
  "rtsp://10.0.0.5/x",
  "rtsp://admin:p%40ss@192.168.1.20:554/Streaming/Channels/101?a=127.0.0.1",
  "rtsp://admin:127.0.0.1@172.16.0.9/x",
  "RTSP://172.31.255.254:8554/x",
  "rtsps://10.1.2.3/$G1?$MTX_QUERY",
  "rtsp://[fd12:3456::7]:554/x",
  "rtsp://camera-7.site.example/x",
  "rtsp://camera_7/x",
];

test("under `lan` the API sets RTSP sources at private addresses, and no others", () => {
  for (const source of DENIED)
    assert.match(sourcePolicyFault(source, "api", "lan") ?? "", /^`sourcePolicy: lan` lets the API set /, source);
  for (const source of ALLOWED) assert.equal(sourcePolicyFault(source, "api", "lan"), undefined, source);
  assert.ok(DENIED.length > 40);
});

test("the file sets what it likes, and so does everybody under `any`", () => {
  for (const source of DENIED) {
    assert.equal(sourcePolicyFault(source, "file", "lan"), undefined);
    assert.equal(sourcePolicyFault(source, "api", "any"), undefined);
    assert.notEqual(sourcePolicyFault(source, "desired", "lan"), undefined);
  }
});

test("addresses that names stand for", () => {
  for (const address of ["10.0.0.1", "172.16.0.1", "192.168.255.254", "fd00::1", "fc12::1%eth0"]) {
    assert.equal(addressFault(address, []), undefined, address);
  }
  const denied =
    "127.0.0.1 0.0.0.0 169.254.169.254 224.0.0.1 8.8.8.8 ::1 :: fe80::1%eth0 ::ffff:10.0.0.1 ::ffff:127.0.0.1 ff02::1 2001:db8::1 x 10.1".split(
      " ",
    );
  for (const address of denied) assert.notEqual(addressFault(address, []), undefined, address);
});

test("this machine's own addresses, whatever they are", () => {
  assert.match(addressFault("10.0.0.5", ["10.0.0.5"]) ?? "", /no address of this machine: 10\.0\.0\.5$/);
  assert.notEqual(addressFault("fd00:0:0::0:1", ["fd00::1"]), undefined);
  const own = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
  for (const { address } of own) assert.notEqual(addressFault(address), undefined, address);
});
