// Rows of the fault table: how cameras ask for a password.
import assert from "node:assert/strict";
import { CameraPassword, type CameraPasswordOptions, type PasswordAnswer, passwordOf } from "./camera-password.ts";
import type { Fault, FaultCase, Setting, Stimulus } from "./fault.ts";
import type { FaultOutcome } from "./fault-site.ts";

const USER = "viewer";
const PASS = "open-sesame";
const BASIC = 'Basic realm="cam"';
const DIGEST = 'Digest realm="cam", nonce="NONCE"';
const LIVE = ["connecting", "probing", "live"] as const;
/** A keepalive each 4 s. */
const SHORT_SESSION = "12345678;timeout=10";
/** Long enough for two of them. */
const LASTS_MS = 10_000;
/** OPTIONS, DESCRIBE, SETUP, PLAY and two keepalives. */
const LEAST_ANSWERS = 6;

type Password = Omit<CameraPasswordOptions, "clock" | "user" | "pass"> & Partial<Pick<CameraPasswordOptions, "user" | "pass">>;

function guarded(password: Password): Pick<Stimulus, "camera"> {
  return {
    camera: ({ clock }: Setting) => ({
      script: new CameraPassword({ clock, user: USER, pass: PASS, ...password }).script,
      session: SHORT_SESSION,
    }),
  };
}

/** A camera that the right password opens; `refusals`: those of right answers with an old nonce. */
function opened(
  name: string,
  does: string,
  password: Password,
  also: (answers: readonly PasswordAnswer[], outcome: FaultOutcome) => void = noneRefused,
): FaultCase {
  const { user = USER, pass = PASS } = password;
  return {
    name,
    stimulus: {
      does,
      ...guarded(password),
      login: `${encodeURIComponent(user)}:${encodeURIComponent(pass)}`,
      lastsMs: LASTS_MS,
    },
    expected: {
      source: { states: LIVE },
      readers: { gaps: [] },
      also: (outcome) => {
        const { answers } = passwordOf(outcome.rig.camera);
        assert.ok(answers.length >= LEAST_ANSWERS, `${answers.length} answers`);
        assert.equal(outcome.rig.camera.connections.length, 1);
        also(answers, outcome);
      },
    },
  };
}

function noneRefused(answers: readonly PasswordAnswer[]): void {
  assert.deepEqual(
    answers.flatMap(({ refusal }) => refusal ?? []),
    [],
  );
}

function all(pattern: RegExp): (answers: readonly PasswordAnswer[]) => void {
  return (answers) => {
    noneRefused(answers);
    for (const { value } of answers) assert.match(value, pattern);
  };
}

function onlyOldNonces(answers: readonly PasswordAnswer[]): void {
  assert.deepEqual([...new Set(answers.map(({ refusal }) => refusal))], [undefined, "old nonce"]);
}

function noBasic({ rig }: FaultOutcome): void {
  const answers = passwordOf(rig.camera).answers.map(({ value }) => value);
  assert.ok(answers.length > 0);
  assert.deepEqual(
    answers.filter((value) => !value.startsWith("Digest ")),
    [],
  );
}

const c20: Fault = {
  id: "C20",
  title: "a password, by Basic and by the Digest of two RFCs",
  cases: [
    opened("Basic", "wants Basic", { challenges: [BASIC] }, all(/^Basic /)),
    opened(
      "Digest of RFC 2069",
      "wants a digest without qop",
      { challenges: [DIGEST], algorithm: "MD5" },
      all(/^Digest (?!.*(?:qop|nc|cnonce)=)/),
    ),
    ...["auth", "auth,auth-int", "auth-int, auth"].map((qop) =>
      opened(
        `Digest with qop="${qop}"`,
        `wants a digest with qop="${qop}", whose count goes up by one and whose cnonce is never used twice`,
        { challenges: [`${DIGEST}, qop="${qop}"`], algorithm: "MD5" },
        all(/qop=auth\b(?!-)/),
      ),
    ),
  ],
};

const c21: Fault = {
  id: "C21",
  title: "a digest by a newer hash only",
  cases: (["SHA-256", "SHA-512-256"] as const).flatMap((algorithm) =>
    ["", ', qop="auth"'].map((qop) =>
      opened(
        `${algorithm}${qop}`,
        `wants a digest by ${algorithm}${qop}`,
        { challenges: [`${DIGEST}, algorithm=${algorithm}${qop}`], algorithm },
        all(new RegExp(`algorithm=${algorithm}(?:,|$)`)),
      ),
    ),
  ),
};

const OFFERS = [BASIC, DIGEST, `${DIGEST}, algorithm=SHA-256, qop="auth"`, `${DIGEST}, algorithm=SHA3-384, qop="auth"`, "Negotiate"];

const c22: Fault = {
  id: "C22",
  title: "several challenges at once, one of them unknown: the strongest is answered",
  cases: [
    { name: "weakest first", challenges: OFFERS },
    { name: "strongest first", challenges: OFFERS.toReversed() },
    { name: "in one header", challenges: [OFFERS.slice(0, -1).join(", ")] },
  ].map(({ name, challenges }) =>
    opened(name, `offers all of: ${challenges.join("; ")}`, { challenges, algorithm: "SHA-256" }, all(/algorithm=SHA-256,/)),
  ),
};

const KEEPALIVE_MS = 24_000;

const c23: Fault = {
  id: "C23",
  title: "nonces that grow old: answered anew on the same connection, without a gap",
  cases: [
    opened(
      "stale=true",
      "calls a nonce stale after three requests",
      { challenges: [`${DIGEST}, qop="auth", stale=STALE`], algorithm: "MD5", nonceUses: 3 },
      onlyOldNonces,
    ),
    opened(
      "stale=true on the first use",
      "calls a nonce stale after one request",
      { challenges: [`${DIGEST}, stale=STALE`], algorithm: "MD5", nonceUses: 1 },
      onlyOldNonces,
    ),
    opened(
      "another nonce for each request, unsaid",
      "takes each nonce once and does not say that it is stale",
      { challenges: [DIGEST], algorithm: "MD5", nonceUses: 1 },
      onlyOldNonces,
    ),
    {
      name: "another nonce at a keepalive after 150 s",
      stimulus: {
        does: "forgets its nonce after 150 s and does not say that it is stale",
        camera: ({ clock }) => ({
          script: new CameraPassword({ clock, user: USER, pass: PASS, challenges: [DIGEST], algorithm: "MD5" }).script,
        }),
        steps: [{ atMs: 150_000, does: "another nonce counts", act: ({ camera }) => passwordOf(camera).newNonce() }],
        login: `${USER}:${PASS}`,
        lastsMs: 200_000,
      },
      expected: {
        source: { states: LIVE },
        requests: { GET_PARAMETER: Math.floor(200_000 / KEEPALIVE_MS) + 1, PLAY: 1 },
        readers: { gaps: [] },
        also: ({ rig }) => {
          assert.deepEqual(
            passwordOf(rig.camera).answers.flatMap(({ method, refusal }) => (refusal === undefined ? [] : [`${method}: ${refusal}`])),
            ["GET_PARAMETER: old nonce"],
          );
        },
      },
    },
  ],
};

const HARD_PASSWORD = 'p@s:s/w%r#d?"\\ Grüße 密码';

const c25: Fault = {
  id: "C25",
  title: "a password of every kind of character; the digest is over the URL without it",
  cases: [
    { name: "Basic", challenges: [BASIC] },
    { name: "Digest", challenges: [`${DIGEST}, qop="auth"`], algorithm: "MD5" as const },
    { name: "Digest by SHA-256", challenges: [`${DIGEST}, algorithm=SHA-256, qop="auth"`], algorithm: "SHA-256" as const },
  ].map(({ name, ...password }) =>
    opened(
      name,
      `wants the password ${HARD_PASSWORD}, and a digest over the URL of the request`,
      { ...password, pass: HARD_PASSWORD },
      (answers, { rig }) => {
        noneRefused(answers);
        for (const { url } of rig.camera.requests) assert.match(url, /^rtsp:\/\/127\.0\.0\.1:\d+\/stream(?:\/trackID=0)?$/);
      },
    ),
  ),
};

const WRONG_PASSWORD = "sesame-stay-shut";
const MINUTE_US = 60e6;

/** Tried at 0, 30 and 90 s, then not before 210 s. */
function refused(
  name: string,
  stimulus: Pick<Stimulus, "does" | "camera">,
  answersOf: (outcome: FaultOutcome) => readonly number[],
): FaultCase {
  const lastsMs = 200_000;
  return {
    name,
    stimulus: { ...stimulus, login: `${USER}:${WRONG_PASSWORD}`, lastsMs },
    expected: {
      source: { states: ["connecting", "auth", "connecting", "auth", "connecting", "auth"], faults: ["auth", "auth", "auth"] },
      requests: { PLAY: 0 },
      readers: { gaps: [{ fromMs: 0, toMs: lastsMs }] },
      stepMs: 200,
      also: (outcome) => {
        const { site } = outcome;
        const told = [...site.log.lines, JSON.stringify(site.site.registry.get("cam")!.snapshot())];
        assert.deepEqual(
          told.filter((text) => text.includes(WRONG_PASSWORD)),
          [],
        );
        const timesUs = answersOf(outcome);
        assert.equal(timesUs.length, 3, "one try each");
        assert.ok(
          timesUs.every((us, i) => i < 2 || us - timesUs[i - 2]! > MINUTE_US),
          "at most two a minute",
        );
      },
    },
  };
}

const timesOfAnswers = ({ rig }: FaultOutcome): readonly number[] => passwordOf(rig.camera).answers.map(({ atUs }) => atUs);

const c26: Fault = {
  id: "C26",
  title: "a wrong password: tried once, then seldom; it is told to nobody",
  cases: [
    refused("Digest", { does: "wants another password", ...guarded({ challenges: [DIGEST], algorithm: "MD5" }) }, timesOfAnswers),
    refused("Basic", { does: "wants another password, by Basic", ...guarded({ challenges: [BASIC] }) }, timesOfAnswers),
    refused(
      "from DESCRIBE on",
      {
        does: "wants another password, for everything but OPTIONS",
        ...guarded({ challenges: [`${DIGEST}, qop="auth"`], algorithm: "MD5", methods: ["DESCRIBE", "SETUP", "PLAY"] }),
      },
      timesOfAnswers,
    ),
  ],
};

const c27: Fault = {
  id: "C27",
  title: "Basic from a camera that has asked for a digest before: the password is not sent",
  cases: [
    {
      name: "after a reconnect",
      stimulus: {
        does: "wants a digest for 5 s, ends the connection and wants Basic from then on",
        ...guarded({ challenges: [DIGEST], algorithm: "MD5" }),
        steps: [
          {
            atMs: 5000,
            does: "the connection ends; only Basic is offered from now on",
            act: ({ camera }) => {
              passwordOf(camera).wantBasic();
              camera.drop();
            },
          },
        ],
        login: `${USER}:${PASS}`,
        lastsMs: LASTS_MS,
      },
      expected: {
        source: { states: [...LIVE, "backoff", "connecting", "auth"], faults: ["ended", "auth"] },
        requests: { PLAY: 1 },
        readers: { gaps: [{ fromMs: 5000, toMs: LASTS_MS }] },
        log: [{ line: /offers only Basic, though it offered Digest before/, times: 1 }],
        also: noBasic,
      },
    },
    {
      name: "in a keepalive",
      stimulus: {
        does: "wants a digest for 5 s and Basic from then on",
        ...guarded({ challenges: [DIGEST], algorithm: "MD5" }),
        steps: [{ atMs: 5000, does: "only Basic is offered from now on", act: ({ camera }) => passwordOf(camera).wantBasic() }],
        login: `${USER}:${PASS}`,
        lastsMs: LASTS_MS,
      },
      expected: { source: { states: LIVE }, readers: { gaps: [] }, also: noBasic },
    },
    {
      name: "after a digest that was refused",
      stimulus: {
        does: "refuses a digest once and wants Basic from then on",
        ...guarded({ challenges: [DIGEST], algorithm: "MD5", pass: "another" }),
        steps: [{ atMs: 5000, does: "only Basic is offered from now on", act: ({ camera }) => passwordOf(camera).wantBasic() }],
        login: `${USER}:${PASS}`,
        lastsMs: 40_000,
      },
      expected: {
        source: { states: ["connecting", "auth", "connecting", "auth"], faults: ["auth", "auth"] },
        readers: { gaps: [{ fromMs: 0, toMs: 40_000 }] },
        also: noBasic,
      },
    },
  ],
};

export const authFaults: readonly Fault[] = [c20, c21, c22, c23, c25, c26, c27];
