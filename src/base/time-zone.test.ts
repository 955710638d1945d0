import assert from "node:assert/strict";
import { test } from "node:test";
import { TimeZone } from "./time-zone.ts";

function zoneOf(name: string): TimeZone {
  return TimeZone.of(name) ?? assert.fail(`there is no zone ${name}`);
}

/** `2026-03-29T02:30` as a local time. */
function local(text: string): number {
  return Date.parse(`${text}:00Z`);
}

test("a name that is none is no zone", () => {
  for (const name of ["", "Europe/Atlantis", "+02:00", "Europe/Berlin; x", "x".repeat(100), "../etc"])
    assert.equal(TimeZone.of(name), undefined, name);
  for (const name of ["UTC", "Etc/GMT+5", "America/Argentina/Buenos_Aires"]) assert.equal(TimeZone.of(name)?.name, name);
});

test("local time and back", () => {
  const berlin = zoneOf("Europe/Berlin");
  const utcMs = Date.parse("2026-07-01T10:15:20.250Z");
  assert.equal(new Date(berlin.localOf(utcMs)).toISOString(), "2026-07-01T12:15:20.250Z");
  assert.equal(berlin.utcOf(berlin.localOf(utcMs)), utcMs);
  assert.equal(zoneOf("Asia/Kathmandu").offsetAt(utcMs), (5 * 60 + 45) * 60_000);
  assert.equal(zoneOf("UTC").localOf(-1500), -1500, "before 1970");
});

test("a time that is left out comes when the clock jumps", () => {
  const berlin = zoneOf("Europe/Berlin");
  const jump = Date.parse("2026-03-29T01:00:00Z");
  assert.equal(berlin.utcOf(local("2026-03-29T02:00")), jump);
  assert.equal(berlin.utcOf(local("2026-03-29T02:30")), jump);
  assert.equal(berlin.utcOf(local("2026-03-29T03:00")), jump);
  assert.equal(berlin.utcOf(local("2026-03-29T01:59")), jump - 60_000);
  assert.equal(zoneOf("Australia/Lord_Howe").utcOf(local("2026-10-04T02:15")), Date.parse("2026-10-03T15:30:00Z"), "half an hour");
  assert.equal(zoneOf("Africa/Cairo").utcOf(local("2026-04-24T00:30")), Date.parse("2026-04-23T22:00:00Z"), "at midnight");
});

test("a time that comes twice is the first", () => {
  const berlin = zoneOf("Europe/Berlin");
  assert.equal(berlin.utcOf(local("2026-10-25T02:30")), Date.parse("2026-10-25T00:30:00Z"));
  assert.equal(berlin.utcOf(local("2026-10-25T03:00")), Date.parse("2026-10-25T02:00:00Z"));
  assert.equal(zoneOf("America/New_York").utcOf(local("2026-11-01T01:30")), Date.parse("2026-11-01T05:30:00Z"));
});
