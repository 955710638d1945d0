// A program that lasts until it is interrupted, for command lines of hooks: `$NODE -e $LASTS some words`.

/** It has no character that means anything between the double quotes of a shell. */
const PROGRAM = `
const words = process.argv.slice(1).join(' ');
process.on('SIGINT', () => { console.log('interrupted ' + words); process.exit(); });
setInterval(() => {}, 1e6);
console.log('ready ' + words);
`;

/** The environment of those command lines. */
export const lastingProgram = { ...process.env, NODE: process.execPath, LASTS: PROGRAM };
