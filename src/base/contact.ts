// Where somebody can be reached, as a URI: what security.txt may name (RFC 9116 §2.5.3).

/** What is wrong with a contact, for people; undefined: nothing. Empty: there is none. */
export function contactFault(contact: string): string | undefined {
  return contact === "" || /^(?:mailto:[^\s@]+@[^\s@]+|https:\/\/[^\s/]\S*|tel:\+?[\d-]+)$/.test(contact)
    ? undefined
    : "has to be an address as mailto:security@example.com, https://example.com/security or tel:+43-1-234";
}
