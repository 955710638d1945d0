// The checking agent against our lite agent, and against full agents that behave, insist on control, or forge, on a network without sockets.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { type TestContext, test } from "node:test";
import { deferred } from "#base/deferred.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { IceAgent, makeCredentials } from "../ice-agent.ts";
import type { PeerPath } from "../peer-path.ts";
import { parseStun, writeBindingError, writeBindingRequest, writeBindingSuccess } from "../stun.ts";
import { CheckingAgent } from "./checking-agent.ts";
import type { RemoteCandidate } from "./remote-candidate.ts";

/** What a server does with a check; datagrams that it returns come back. */
type Answer = (datagram: Buffer, from: PeerPath) => readonly Buffer[];

class FakePath implements PeerPath {
  readonly protocol = "udp";
  readonly port = 5000;
  readonly address: string;
  readonly sent: Buffer[] = [];
  readonly #onSent: (datagram: Buffer) => void;

  constructor(address: string, onSent: (datagram: Buffer) => void) {
    this.address = address;
    this.#onSent = onSent;
  }

  send(datagram: Buffer): void {
    this.sent.push(datagram);
    this.#onSent(datagram);
  }

  sendBurst(): boolean {
    return true;
  }
  pendingBytes(): number {
    return 0;
  }
  close(): void {}
}

function setUp(t: TestContext, answers: Readonly<Record<string, Answer>>) {
  const clock = new FakeClock();
  const selected = deferred<PeerPath>();
  const lost = deferred<void>();
  const paths = new Map<string, FakePath>();
  const agent: CheckingAgent = new CheckingAgent({
    nowUs: () => clock.nowUs(),
    pathTo: (address) => {
      const known = paths.get(address);
      if (known !== undefined) return known;
      const path: FakePath = new FakePath(address, (datagram) => {
        for (const back of answers[address]?.(datagram, path) ?? []) setImmediate(() => agent.onStun(back, path));
      });
      paths.set(address, path);
      return path;
    },
    onSelected: selected.resolve,
    onLost: lost.resolve,
  });
  t.after(() => agent.close());
  return { agent, clock, selected: selected.promise, lost: lost.promise, paths };
}

const candidate = (address: string, priority: number): RemoteCandidate => ({ address, port: 5000, priority });

/** A lite agent of ours at every address that is up. */
function liteServer(local: () => { ufrag: string; password: string }) {
  const chosen: string[] = [];
  const server = new IceAgent({
    remote: { ufrag: "unused", password: "unused" },
    nowUs: () => 0,
    onDatagram: () => {},
    onSelected: ({ address }) => void chosen.push(address),
  });
  const answer: Answer = (datagram, path) => {
    const message = parseStun(datagram)!;
    assert.equal(message.username, `${server.local.ufrag}:${local().ufrag}`);
    return server.isAuthentic(datagram, message) ? [server.answer(message, path)] : [];
  };
  return { server, answer, chosen };
}

test("the best address that works is taken, and the server is told", async (t) => {
  const lite = liteServer(() => one.agent.local);
  const down: Answer = () => [];
  const one = setUp(t, { "10.0.0.1": down, "10.0.0.2": lite.answer, "10.0.0.3": lite.answer });
  one.agent.begin(lite.server.local, [candidate("10.0.0.1", 300), candidate("10.0.0.2", 200), candidate("10.0.0.3", 100)]);
  assert.equal((await one.selected).address, "10.0.0.2");
  assert.deepEqual(lite.chosen, ["10.0.0.2"]);
});

test("checks that are lost are repeated", async (t) => {
  let lost = 0;
  const lite = liteServer(() => one.agent.local);
  const one = setUp(t, { "10.0.0.1": (datagram, path) => (lost++ < 2 ? [] : lite.answer(datagram, path)) });
  one.agent.begin(lite.server.local, [candidate("10.0.0.1", 1)]);
  await one.selected;
});

test("a server that comes from another address than it said is found by its own check", async (t) => {
  const remote = makeCredentials();
  const one = setUp(t, { "10.0.0.1": () => [] });
  one.agent.begin(remote, [candidate("10.0.0.1", 1)]);
  const other: FakePath = new FakePath("10.9.9.9", (datagram) => {
    const { kind, transactionId } = parseStun(datagram)!;
    if (kind !== "request") return;
    setImmediate(() => one.agent.onStun(writeBindingSuccess({ transactionId, password: remote.password }, other), other));
  });
  const check = writeBindingRequest({
    transactionId: randomBytes(12),
    username: `${one.agent.local.ufrag}:${remote.ufrag}`,
    password: one.agent.local.password,
    priority: 7,
    useCandidate: false,
    role: "controlled",
    tieBreaker: randomBytes(8),
  });
  one.agent.onStun(check, other);
  assert.equal((await one.selected).address, "10.9.9.9");
});

test("a server that insists on control gets it, and its choice is taken", async (t) => {
  const remote = makeCredentials();
  const one = setUp(t, {
    "10.0.0.1": (datagram, path) => {
      const message = parseStun(datagram)!;
      if (message.kind !== "request") return [];
      const response = { transactionId: message.transactionId, password: remote.password };
      if (message.role === "controlling") return [writeBindingError(response, 487, "Role Conflict")];
      const check = writeBindingRequest({
        transactionId: randomBytes(12),
        username: `${one.agent.local.ufrag}:${remote.ufrag}`,
        password: one.agent.local.password,
        priority: 1,
        useCandidate: true,
        role: "controlling",
        tieBreaker: randomBytes(8),
      });
      return [check, writeBindingSuccess(response, path)];
    },
  });
  one.agent.begin(remote, [candidate("10.0.0.1", 1)]);
  assert.equal((await one.selected).address, "10.0.0.1");
});

test("answers that do not know the password, or answer another check, count for nothing", async (t) => {
  const remote = makeCredentials();
  const forged = [
    (transactionId: Buffer) => ({ transactionId, password: "wrong password, long enough" }),
    (transactionId: Buffer) => ({ transactionId, password: undefined }),
    () => ({ transactionId: randomBytes(12), password: remote.password }),
  ];
  let real = false;
  const one = setUp(t, {
    "10.0.0.1": (datagram, path) => {
      const { transactionId, kind } = parseStun(datagram)!;
      if (kind !== "request") return [];
      const responses = real ? [{ transactionId, password: remote.password }] : forged.map((make) => make(transactionId));
      return responses.map((response) => writeBindingSuccess(response, path));
    },
  });
  one.agent.begin(remote, [candidate("10.0.0.1", 1)]);
  const path = one.paths.get("10.0.0.1")!;
  while (path.sent.length < 3) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(one.agent.selected, undefined);
  real = true;
  await one.selected;
});

test("checks of the server are answered, and only of one that knows our password", (t) => {
  const remote = makeCredentials();
  const one = setUp(t, {});
  const answers: Buffer[] = [];
  const path = new FakePath("10.0.0.7", (datagram) => void answers.push(datagram));
  const check = (password: string, ufrag: string, role: "controlled" | "controlling") =>
    writeBindingRequest({
      transactionId: randomBytes(12),
      username: `${ufrag}:${remote.ufrag}`,
      password,
      priority: 1,
      useCandidate: false,
      role,
      tieBreaker: randomBytes(8),
    });
  const { local } = one.agent;
  one.agent.onStun(check("wrong", local.ufrag, "controlled"), path);
  one.agent.onStun(check(local.password, "other", "controlled"), path);
  assert.equal(answers.length, 0);
  one.agent.onStun(check(local.password, local.ufrag, "controlled"), path);
  one.agent.onStun(check(local.password, local.ufrag, "controlling"), path);
  assert.deepEqual(
    answers.map((answer) => [parseStun(answer)!.kind, parseStun(answer)!.errorCode]),
    [
      ["success", undefined],
      ["error", 487],
    ],
  );
});

test("consent: a server that stops answering is lost after 30 s, one that answers is not", async (t) => {
  let isUp = true;
  const lite = liteServer(() => one.agent.local);
  const one = setUp(t, { "10.0.0.1": (datagram, path) => (isUp ? lite.answer(datagram, path) : []) });
  one.agent.begin(lite.server.local, [candidate("10.0.0.1", 1)]);
  await one.selected;
  let isLost = false;
  void one.lost.then(() => {
    isLost = true;
  });
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i++) {
      one.clock.passMs(1000);
      one.agent.tick(one.clock.nowUs());
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await pass(120);
  assert.equal(isLost, false);
  isUp = false;
  await pass(28);
  assert.equal(isLost, false);
  await pass(10);
  assert.equal(isLost, true);
});

test("damaged STUN, before and after the answer: nothing throws, and nobody gets in", async (t) => {
  const random = fuzzRandom(13);
  const remote = makeCredentials();
  const one = setUp(t, {});
  const seeds = [
    writeBindingSuccess({ transactionId: randomBytes(12), password: remote.password }, { address: "10.0.0.1", port: 1 }),
    writeBindingError({ transactionId: randomBytes(12), password: remote.password }, 487, "Role Conflict"),
    writeBindingRequest({
      transactionId: randomBytes(12),
      username: `${one.agent.local.ufrag}:${remote.ufrag}`,
      password: one.agent.local.password,
      priority: 1,
      useCandidate: true,
      role: "controlled",
      tieBreaker: randomBytes(8),
    }),
  ];
  const path = new FakePath("10.0.0.1", () => {});
  for (let round = fuzzRounds(3000); round > 0; round--) {
    if (round % 100 === 0 && one.agent.tried === 0) one.agent.begin(remote, [candidate("10.0.0.1", 1)]);
    one.agent.onStun(mutate(seeds[random(seeds.length)]!, random), random(2) === 0 ? path : (one.paths.get("10.0.0.1") ?? path));
  }
  assert.equal(one.agent.selected, undefined);
  assert.ok(one.agent.tried <= 2);
});
