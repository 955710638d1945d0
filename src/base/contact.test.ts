// Contacts of security.txt.
import assert from "node:assert/strict";
import { test } from "node:test";
import { contactFault } from "./contact.ts";

test("a URI of one of the three kinds, or nothing", () => {
  for (const contact of ["", "mailto:security@example.com", "https://example.com/security", "tel:+43-1-234"])
    assert.equal(contactFault(contact), undefined);
  for (const contact of [
    "security@example.com",
    "mailto:nobody",
    "http://example.com",
    "https://",
    "tel:",
    "mailto:a@b.c\nContact: x",
    "javascript:1",
  ])
    assert.match(contactFault(contact)!, /^has to be an address as mailto:/);
});
