import assert from "node:assert/strict";
import { test } from "node:test";
import { CallerFault, PeerFault } from "#base/errors.ts";
import { CommandFault, commandErrorOf } from "./command-fault.ts";

test("what went wrong, in the contract's words; our own bugs say nothing", () => {
  const withCode = (code: string): Error => Object.assign(new Error(`it is ${code}`), { code });
  const storeFault = Object.assign(new Error("the export needs 7.0 MB, and 0.0 MB are free"), { name: "StoreFault", code: "full" });
  const cases: [unknown, string][] = [
    [new CommandFault("E_RATE", "too often", 5), "E_RATE"],
    [new CallerFault("unauthorized", "dest.put: no such host"), "E_DENIED"],
    [new CallerFault("conflict", "there is another file"), "E_BUSY"],
    [new CallerFault("not-found", "no footage"), "E_NOTFOUND"],
    [new CallerFault("timed-out", "late"), "E_TIMEOUT"],
    [new PeerFault("timeout", "noc.example was silent"), "E_TIMEOUT"],
    [new PeerFault("connect", "noc.example: ECONNRESET"), "E_NET"],
    [new PeerFault("config", "noc.example: self-signed certificate"), "E_NET"],
    [new PeerFault("limit", "no room"), "E_NET"],
    [withCode("EIO"), "E_IO"],
    [withCode("ENOSPC"), "E_IO"],
    [withCode("ENETUNREACH"), "E_NET"],
    [storeFault, "E_IO"],
    [withCode("ERR_ASSERTION"), "E_INTERNAL"],
    [new TypeError("x is undefined"), "E_INTERNAL"],
    [undefined, "E_INTERNAL"],
  ];
  for (const [error, code] of cases) {
    const { c, m } = commandErrorOf(error);
    assert.equal(c, code, String(error));
    assert.equal(m.includes("undefined"), false);
  }
});
