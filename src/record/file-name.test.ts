import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { repetitiveTexts } from "#testing/repetitive-texts.ts";
import { FileNameTemplate, type ZoneOffset } from "./file-name.ts";

const UTC: ZoneOffset = () => 0;
const DEFAULT = "./recordings/%path/%Y-%m-%d_%H-%M-%S-%f";

/** A zone as ICU knows it. */
function zoneOf(timeZone: string): ZoneOffset {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" });
  return (utcMs) => {
    const text = format.formatToParts(utcMs).find(({ type }) => type === "timeZoneName")!.value;
    const [, sign, hours, minutes] = /GMT(?:([+-])(\d\d):(\d\d))?/.exec(text)!;
    return sign === undefined ? 0 : (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
  };
}

const BERLIN = zoneOf("Europe/Berlin");
const us = (iso: string) => Date.parse(iso) * 1000;

test("names are those of MediaMTX", () => {
  const at = us("2008-11-07T11:22:04.123Z") + 456;
  const kathmandu: ZoneOffset = () => 345;
  const cases: readonly (readonly [string, ZoneOffset, string])[] = [
    [DEFAULT, UTC, "./recordings/site/cam 1/2008-11-07_11-22-04-123456"],
    [DEFAULT, BERLIN, "./recordings/site/cam 1/2008-11-07_12-22-04-123456"],
    ["/rec/%path/%s-%f", BERLIN, "/rec/site/cam 1/1226056924-123456"],
    ["%Y%m%d/%path_%H%M%S%z", UTC, "20081107/site/cam 1_112204Z"],
    ["%Y%m%d/%path_%H%M%S%z", kathmandu, "20081107/site/cam 1_170704+0545"],
    ["%path/%s%z", zoneOf("America/St_Johns"), "site/cam 1/1226056924-0330"],
    ["100%/%path/%q%%s", UTC, "100%/site/cam 1/%q%1226056924"],
  ];
  for (const [template, zone, name] of cases) {
    const names = new FileNameTemplate(template, zone);
    assert.equal(names.encode("site/cam 1", at), name);
    const precisionUs = template.includes("%f") ? 1 : 1_000_000;
    assert.deepEqual(names.decode(name), { path: "site/cam 1", startUtcUs: at - (at % precisionUs), earlierUtcUs: undefined });
  }
});

const TEMPLATES = [
  DEFAULT,
  "%path/%Y-%m-%d/%H-%M-%S-%f",
  "/a+b (c)[d]{2}|^$.*?\\/%path.%s.%f",
  "%s%f%path",
  "%path%Y%m%d%H%M%S%f",
  "/rec/%Y/%m/%d/%path_%H-%M-%S-%f_%z",
  "%z%path%Y%m%d%H%M%S%f",
  "/%path/%path-%s-%f",
  "/%path/%z/%path/%Y-%m-%d_%H-%M-%S-%f%z",
];
const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Australia/Lord_Howe",
  "Asia/Kathmandu",
  "America/St_Johns",
  "Africa/Casablanca",
];
const PATHS = ["cam", "site/cam 1", "2024-01-01_00-00-00-000000", "a/2024", "Z", "+0100", "%Y", "1", "ünï/日本"];
/** Changes of the clocks of the zones above, spring and autumn. */
const CHANGES = [
  "2024-03-31T01:00Z",
  "2024-10-27T01:00Z",
  "2024-03-10T07:00Z",
  "2024-11-03T06:00Z",
  "2024-04-06T15:00Z",
  "2024-10-05T15:30Z",
];

test("what is encoded comes back", () => {
  const random = fuzzRandom(11);
  let ambiguous = 0;
  for (const timeZone of ZONES) {
    const zone = zoneOf(timeZone);
    for (const template of TEMPLATES) {
      const names = new FileNameTemplate(template, zone);
      const saysInstant = template.includes("%z") || template.includes("%s");
      for (let round = fuzzRounds(30); round > 0; round--) {
        const path = PATHS[random(PATHS.length)]!;
        const nearChange = us(CHANGES[random(CHANGES.length)]!) + (random(7200) - 3600) * 1_000_000;
        const start = (random(2) === 0 ? nearChange : random(2 ** 32) * 1_000_000) + random(1_000_000);
        const name = names.encode(path, start);
        const found = names.decode(name);
        assert.ok(found !== undefined, `${template} ${timeZone} ${name}`);
        assert.equal(found.path, path, name);
        if (saysInstant || found.earlierUtcUs === undefined) assert.equal(found.startUtcUs, start, `${timeZone} ${name}`);
        else {
          ambiguous++;
          assert.ok([found.startUtcUs, found.earlierUtcUs].includes(start), `${timeZone} ${name}`);
        }
        if (saysInstant) assert.equal(found.earlierUtcUs, undefined);
      }
    }
  }
  assert.ok(ambiguous > 0);
});

test("a local time that happens twice is read as the second, and the first is told", () => {
  const names = new FileNameTemplate("%path/%Y-%m-%d_%H-%M-%S", BERLIN);
  const first = us("2024-10-27T00:30:00Z");
  const second = us("2024-10-27T01:30:00Z");
  assert.equal(names.encode("cam", first), names.encode("cam", second));
  assert.deepEqual(names.decode("cam/2024-10-27_02-30-00"), { path: "cam", startUtcUs: second, earlierUtcUs: first });
  assert.deepEqual(names.decode("cam/2024-10-27_03-00-00"), {
    path: "cam",
    startUtcUs: us("2024-10-27T02:00:00Z"),
    earlierUtcUs: undefined,
  });
  assert.equal(names.decode("cam/2024-10-27_01-59-59")!.startUtcUs, us("2024-10-26T23:59:59Z"));
});

test("a local time that never happens is read by the clock before", () => {
  const names = new FileNameTemplate("%path/%Y-%m-%d_%H-%M-%S", BERLIN);
  assert.deepEqual(names.decode("cam/2024-03-31_02-30-00"), {
    path: "cam",
    startUtcUs: us("2024-03-31T01:30:00Z"),
    earlierUtcUs: undefined,
  });
});

test("with %z the name says the zone, whatever the machine's", () => {
  const written = new FileNameTemplate("%path/%Y-%m-%d_%H-%M-%S%z", BERLIN).encode("cam", us("2024-07-01T10:00:00Z"));
  assert.equal(written, "cam/2024-07-01_12-00-00+0200");
  assert.equal(new FileNameTemplate("%path/%Y-%m-%d_%H-%M-%S%z", UTC).decode(written)!.startUtcUs, us("2024-07-01T10:00:00Z"));
});

test("unix seconds win over the calendar", () => {
  const names = new FileNameTemplate("%path/%Y-%m-%d_%s-%f", UTC);
  assert.equal(names.decode("cam/2001-01-01_1226056924-000007")!.startUtcUs, 1_226_056_924_000_007);
});

test("what is missing is that of 1970-01-01", () => {
  assert.equal(new FileNameTemplate("%path-%H", UTC).decode("cam-05")!.startUtcUs, 5 * 3_600_000_000);
});

test("names that are not of the template are none", () => {
  const names = new FileNameTemplate("/rec/%path/%Y-%m-%d_%H-%M-%S-%f", UTC);
  const good = "/rec/cam/2024-02-29_23-59-59-999999";
  assert.ok(names.decode(good) !== undefined);
  for (const name of [
    "",
    "/rec/",
    `${good}.mp4`,
    `.${good}`,
    good.replace("cam/", ""),
    good.replace("/cam", ""),
    good.replace("cam", ""),
    good.replace("2024-02-29", "2023-02-29"),
    good.replace("2024-02-29", "2024-13-01"),
    good.replace("2024-02-29", "2024-00-01"),
    good.replace("2024-02-29", "2024-01-00"),
    good.replace("2024", "1969"),
    good.replace("2024", "9996"),
    good.replace("23-59", "24-59"),
    good.replace("59-59", "60-59"),
    good.replace("59-9", "60-9"),
    good.replace("2024", "20 4"),
    good.replace("2024", "+024"),
    good.replace("2024", "２０２４"),
    good.replace("999999", "99999e"),
  ]) {
    assert.equal(names.decode(name), undefined, name);
  }
  const zoned = new FileNameTemplate("%path_%s%z", UTC);
  assert.ok(zoned.decode("cam_1226056924+2359") !== undefined);
  for (const zone of ["z", "+2400", "+0060", " 0100", "+01 0", "+010", ""])
    assert.equal(zoned.decode(`cam_1226056924${zone}`), undefined, zone);
  const twice = new FileNameTemplate("%path/%path-%s", UTC);
  assert.equal(twice.decode("cam/cax-1226056924"), undefined);
  assert.equal(twice.decode("cam/camm-1226056924"), undefined);
  assert.equal(new FileNameTemplate("rec/%s", UTC).decode("rec/1226056924"), undefined); // nobody's
});

test("hostile names are no work", () => {
  for (const template of TEMPLATES) {
    const names = new FileNameTemplate(template, UTC);
    for (const text of repetitiveTexts(1_000_000)) names.decode(text);
    const name = Buffer.from(names.encode("a/".repeat(100), 1_226_056_924_000_000));
    const random = fuzzRandom(13);
    for (let round = fuzzRounds(500); round > 0; round--) {
      const found = names.decode(mutate(name, random).toString("utf8"));
      assert.ok(found === undefined || (Number.isSafeInteger(found.startUtcUs) && found.path !== ""));
    }
  }
});

test("the common folder is the part of the template that no variable touches", () => {
  for (const [template, folder, ofPath] of [
    [DEFAULT, "./recordings", "./recordings/site/cam"],
    ["/rec/%path/%s", "/rec", "/rec/site/cam"],
    ["/rec/all_%path/%s", "/rec", "/rec/all_site/cam"],
    ["/rec/%path_%s", "/rec", "/rec/site"],
    ["/rec/%Y/%path/%s", "/rec", "/rec"],
    ["/%path/%s", "/", "/site/cam"],
    ["%path/%s", ".", "site/cam"],
    ["%path%s", ".", "site"],
  ] as const) {
    const names = new FileNameTemplate(template, UTC);
    assert.equal(names.commonFolder(), folder, template);
    assert.equal(names.commonFolder("site/cam"), ofPath, template);
  }
});
