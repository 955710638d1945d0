// Decoder of ITU-T G.711: A-law and µ-law bytes to linear samples, by table.

/** §3.1, table 1a with the even bits inverted (note 2); 13 bits, here in the upper ones of 16. */
function linearOfALaw(coded: number): number {
  const bits = coded ^ 0x55;
  const segment = (bits >> 4) & 7;
  const step = ((bits & 0x0f) << 4) + 8; // the middle of the step
  const magnitude = segment === 0 ? step : (step + 0x100) << (segment - 1);
  return (bits & 0x80) !== 0 ? magnitude : -magnitude;
}

/** §3.2, table 2a; 14 bits, here in the upper ones of 16. */
function linearOfMuLaw(coded: number): number {
  const bits = ~coded & 0xff;
  const biased = (((bits & 0x0f) << 3) + 0x84) << ((bits >> 4) & 7); // 33 in 14 bits
  return (bits & 0x80) !== 0 ? 0x84 - biased : biased - 0x84;
}

/** By coded byte, the two bytes of the sample. */
function tableOf(linearOf: (coded: number) => number): Buffer {
  const table = Buffer.alloc(512);
  for (let coded = 0; coded < 256; coded++) table.writeInt16BE(linearOf(coded), coded * 2);
  return table;
}

const A_LAW = tableOf(linearOfALaw);
const MU_LAW = tableOf(linearOfMuLaw);

/** Signed 16-bit samples, big endian, in new memory: twice as many bytes. */
export function decodeG711(coded: Buffer, muLaw: boolean): Buffer {
  const table = muLaw ? MU_LAW : A_LAW;
  const linear = Buffer.allocUnsafe(coded.length * 2);
  for (let at = 0; at < coded.length; at++) {
    const entry = coded[at]! * 2;
    linear[at * 2] = table[entry]!;
    linear[at * 2 + 1] = table[entry + 1]!;
  }
  return linear;
}
