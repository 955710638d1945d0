// The direction of imports between rooms (docs/architecture.md), executed.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { test } from "node:test";
import { type SourceFile, sourceFile, sourceFiles } from "../scripts/source-tree.ts";

const ALL = "all";

/** What a room may import besides itself. A file that is named is a room of its own. */
const MAY_IMPORT: Record<string, readonly string[] | typeof ALL> = {
  base: [],
  web: [],
  native: [],
  codecs: ["base"],
  containers: ["base", "codecs"],
  rtp: ["base", "codecs"],
  relay: ["base", "codecs", "rtp"],
  http: ["base"],
  protocols: ["base", "native", "codecs", "containers", "rtp", "relay", "http"],
  capture: ["base", "codecs", "containers", "relay"],
  record: ["base", "codecs", "containers", "relay", "http"],
  control: ["base", "http"],
  fleet: ["base", "control"],
  device: ["base"],
  config: ["base"],
  schedules: ["base"],
  hooks: ["base", "relay", "record", "device"],
  events: ["base", "codecs", "control", "relay", "record", "device"],
  commands: ["base", "codecs", "containers", "control", "relay", "record", "device", "config", "schedules"],
  api: ["base", "codecs", "http", "control", "relay", "record", "device", "config"],
  cli: ["base", "http", "config", "record", "device", "fleet", "noc"],
  noc: ["base", "http", "control", "fleet"],
  // The scripted cameras speak RTSP, and sites serve WebRTC: they are built on our own wire formats and servers.
  testing: [
    "base",
    "codecs",
    "containers",
    "rtp",
    "relay",
    "record",
    "control",
    "fleet",
    "device",
    "config",
    "schedules",
    "api",
    "cli",
    "protocols/rtsp",
    "protocols/webrtc",
  ],
  // The demo is the whole gateway with a scripted camera in front.
  "testing/demo.ts": ALL,
  "main.ts": ["program.ts", "base"],
  "program.ts": ["gateway", "cli", "config", "base"],
  gateway: ALL,
};

const OPTIONAL_PACKAGES = Object.keys(JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).optionalDependencies);

interface Import {
  readonly specifier: string;
  /** `import()`, of a module or of a type. */
  readonly dynamic: boolean;
}

function importsOf({ code }: SourceFile): Import[] {
  const staticImports = code.matchAll(/^(?:import|export)\b(?:[^"';]*?\bfrom)?\s*"([^"]+)"/gm);
  const dynamicImports = code.matchAll(/\bimport\(\s*("([^"]+)"|[^)]*)/g);
  return [
    ...[...staticImports].map(([, specifier = ""]) => ({ specifier, dynamic: false })),
    ...[...dynamicImports].map(([, argument = "", specifier = argument]) => ({ specifier, dynamic: true })),
  ];
}

/** `src/relay/unit.ts` is in `relay`, `src/protocols/rtsp/wire.ts` in `protocols/rtsp`, `src/main.ts` in `main.ts`. */
function roomOf(path: string): string {
  const inside = path.replace(/^src\//, "");
  if (Object.hasOwn(MAY_IMPORT, inside)) return inside;
  const [room = "", folder = ""] = inside.split("/");
  return room === "protocols" ? `${room}/${folder}` : room;
}

/** What is wrong with an import, if anything is. */
function faultOf(file: SourceFile, { specifier, dynamic }: Import): string | undefined {
  if (specifier.startsWith("node:")) return undefined;
  const isTest = file.path.endsWith(".test.ts");
  if (!/^[#.]/.test(specifier)) {
    if (isTest || !dynamic || OPTIONAL_PACKAGES.includes(specifier)) return undefined;
    // The bundle splits at our own files; a package loaded this way would lose its named exports.
    return "import() takes the name of a file of ours or of an optional package";
  }
  const path = specifier.startsWith("#") ? `src/${specifier.slice(1)}` : posix.join(posix.dirname(file.path), specifier);
  const room = roomOf(file.path);
  const isOnTop = !file.path.slice("src/".length).includes("/");

  if (!path.startsWith("src/")) return isTest ? undefined : "leaves src";
  const target = roomOf(path);
  if (target === room) return undefined;
  if (specifier.startsWith(".") && !isOnTop && target.split("/")[0] !== room.split("/")[0])
    return "other rooms are imported as #room/file.ts";
  if (isTest && (isOnTop || target === "testing")) return undefined;
  const allowed = MAY_IMPORT[room.startsWith("protocols/") ? "protocols" : room];
  if (allowed === undefined) return "no row in the table";
  if (allowed === ALL) return target === "testing" && room !== "testing/demo.ts" ? "test code in the product" : undefined;
  return allowed.includes(target) ? undefined : `${room} may not import ${target}`;
}

function faultsOf(file: SourceFile): string[] {
  return importsOf(file).flatMap((found) => {
    const fault = faultOf(file, found);
    return fault === undefined ? [] : [`${file.path}: "${found.specifier}": ${fault}`];
  });
}

test("imports point down", () => {
  assert.deepEqual(sourceFiles("src").flatMap(faultsOf), []);
});

test("every form of import is seen", () => {
  const file = sourceFile(
    "src/relay/x.ts",
    [
      'import "#a/a.ts";',
      'import { b } from "#b/b.ts";',
      'import {\n  c,\n  type C,\n} from "#c/c.ts";',
      'import type { D } from "./d.ts";',
      'export { e } from "#e/e.ts";',
      'export * from "#f/f.ts";',
      'const g = await import("#g/g.ts");',
      'let h: import("#h/h.ts").H;',
      "await import(name);",
      '// import "#comment/comment.ts";',
      '/** let x: import("#comment/comment.ts").X */',
    ].join("\n"),
  );
  assert.deepEqual(
    importsOf(file).map(({ specifier }) => specifier),
    ["#a/a.ts", "#b/b.ts", "#c/c.ts", "./d.ts", "#e/e.ts", "#f/f.ts", "#g/g.ts", "#h/h.ts", "name"],
  );
});

test("what the table forbids is found, what it allows is not", () => {
  const faultOfImport = (path: string, line: string) => faultsOf(sourceFile(path, line)).length;
  const forbidden: [string, string][] = [
    ["src/base/x.ts", 'import "#relay/unit.ts";'],
    ["src/base/x.test.ts", 'import "#relay/unit.ts";'],
    ["src/relay/x.ts", 'import "../base/log.ts";'],
    ["src/relay/x.ts", 'import "#testing/camera.ts";'],
    ["src/relay/x.ts", 'import "#gateway/gateway.ts";'],
    ["src/relay/x.ts", 'import "../../scripts/bundle.ts";'],
    ["src/relay/x.ts", "await import(name);"],
    ["src/relay/x.ts", 'await import("yaml");'],
    ["src/protocols/rtsp/x.ts", 'import "#protocols/hls/x.ts";'],
    ["src/protocols/rtsp/x.ts", 'import "../hls/x.ts";'],
    ["src/protocols/rtsp/x.ts", 'import "#record/x.ts";'],
    ["src/testing/x.ts", 'import "#protocols/hls/x.ts";'],
    ["src/main.ts", 'import "#relay/unit.ts";'],
    ["src/gateway/rtsp.ts", 'import "#testing/camera.ts";'],
    ["src/program.ts", 'import "#api/x.ts";'],
    ["src/nowhere/x.ts", 'import "#base/log.ts";'],
  ];
  const allowed: [string, string][] = [
    ["src/relay/x.ts", 'import "#base/log.ts";'],
    ["src/relay/x.ts", 'import "node:fs";'],
    ["src/relay/x.ts", 'import "yaml";'],
    ["src/relay/x.test.ts", 'import "#testing/camera.ts";'],
    ["src/codecs/h264/x.ts", 'import "../bits.ts";'],
    ["src/protocols/rtsp/x.ts", 'import "#relay/unit.ts";'],
    ["src/protocols/rtsp/wire/x.ts", 'import "../server.ts";'],
    ["src/testing/x.ts", 'import "#protocols/rtsp/x.ts";'],
    ["src/program.ts", 'import "./gateway/gateway.ts";'],
    ["src/gateway/rtsp.ts", 'import "#protocols/rtsp/x.ts";'],
    ["src/gateway/rtsp.test.ts", 'import "../../scripts/bundle.ts";'],
  ];
  for (const [path, line] of forbidden) assert.equal(faultOfImport(path, line), 1, `${path}: ${line}`);
  for (const [path, line] of allowed) assert.equal(faultOfImport(path, line), 0, `${path}: ${line}`);
});
