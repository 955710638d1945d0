// Texts that make a careless expression or search slow: one short piece, again and again.

const PIECES = [
  ..."aA1 -_.,:;/@%?&=*+([{\"'\\\t\n\u0000é",
  ...[
    "a:",
    "a@",
    "a=",
    "a;",
    "a/",
    "x-",
    "://",
    "a://",
    "://a:",
    "a:@",
    "%41",
    "%25",
    '\\"',
    'a="',
    "\r\n",
    "a\n",
    ": ",
    "- ",
    "1d",
    "1.1s",
    "::",
  ],
  ...["token=", "?token=", "streamid=", "streamid=a:", "streamid=#!::", "npt=", "Digest a=b,", ";url=", "RTP/AVP;", "(?:a*)*", "{1000}"],
] as const;

/**
 * One text of `length` UTF-16 units for each piece. What handles a text in proportion to its length is done at once; what takes the square of
 * the length holds up the test until the runner ends it.
 */
export function repetitiveTexts(length: number): readonly string[] {
  return PIECES.map((piece) => piece.repeat(Math.ceil(length / piece.length)).slice(0, length));
}
