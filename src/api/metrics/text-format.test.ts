// Lines of Prometheus' text format, read back by a strict reader.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readExposition } from "#testing/exposition.ts";
import { stateSamples, writeFamily, writeLabels, writeSample } from "./text-format.ts";

const valueText = (value: number): string => writeSample("m", "", value).slice(2, -1);

test("labels come by name, and nothing is written for none", () => {
  assert.equal(writeLabels({ state: "ready", name: "a" }), '{name="a",state="ready"}');
  assert.equal(writeLabels({}), "");
  assert.equal(writeLabels(), "");
});

test("no value of a label ends its quotes or its line", () => {
  assert.equal(writeLabels({ a: 'x"} 1\n\\n' }), '{a="x\\"} 1\\n\\\\n"}');
  const hostile = ['"', "\\", "\n", '\\"', 'a"} 1\nevil{b="', "a\\", "\r\u2028\u0000", "ä €", "{}", ",", "", "\\n"];
  for (const value of hostile) {
    const { samples } = readExposition(writeSample("m", writeLabels({ value, z: "end" }), 1));
    assert.deepEqual(samples, [{ name: "m", labels: { value, z: "end" }, value: 1 }]);
  }
});

test("numbers have no exponent and lose nothing", () => {
  const texts: [number, string][] = [
    [0, "0"],
    [-0, "0"],
    [1, "1"],
    [-2.5, "-2.5"],
    [Number.MAX_SAFE_INTEGER, "9007199254740991"],
    [1.25e-7, "0.000000125"],
    [-1e-7, "-0.0000001"],
    [1e21, "1000000000000000000000"],
    [1.5e22, "15000000000000000000000"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "+Inf"],
    [Number.NEGATIVE_INFINITY, "-Inf"],
  ];
  for (const [value, text] of texts) assert.equal(valueText(value), text);
  for (const value of [Number.MIN_VALUE, Number.MAX_VALUE, Math.PI * 1e-12, Math.E * 1e30]) {
    const text = valueText(value);
    assert.match(text, /^\d+(\.\d+)?$/);
    assert.equal(Number(text), value);
  }
});

test("a metric has its help and type before its samples, and is left out where nothing is known", () => {
  const family = { name: "m_total", type: "counter", help: "A line\nand a \\." } as const;
  const samples = [{ labels: { a: "1" }, value: 3 }, { labels: { a: "2" }, value: undefined }, { value: 4 }];
  assert.equal(
    writeFamily({ ...family, samples }),
    '# HELP m_total A line\\nand a \\\\.\n# TYPE m_total counter\nm_total{a="1"} 3\nm_total 4\n',
  );
  assert.equal(writeFamily({ ...family, samples: [{ value: undefined }] }), "");
  assert.equal(writeFamily({ ...family, samples: [] }), "");
});

test("of the states, one holds", () => {
  assert.deepEqual(stateSamples("state", ["on", "off"], "off", { path: "a" }), [
    { labels: { path: "a", state: "on" }, value: 0 },
    { labels: { path: "a", state: "off" }, value: 1 },
  ]);
});

test("the strict reader sees what it is for", () => {
  const faults = [
    "m 1",
    "m\n",
    "m  1\n",
    "m 1 \n",
    "m one\n",
    "m 1e3\n",
    "1m 1\n",
    "m{} 1\n",
    'm{a="1",} 1\n',
    'm{a="1"b="2"} 1\n',
    'm{a="1",a="2"} 1\n',
    'm{a="\\x"} 1\n',
    'm{a="1} 1\n',
    'm{a-b="1"} 1\n',
    "m 1\nm 2\n",
    "m 1\n# TYPE m gauge\n",
    "# TYPE m gauge\n",
    "# TYPE m number\nm 1\n",
    '# TYPE m gauge\nm{a="1"} 1\nn 1\nm{a="2"} 1\n',
  ];
  for (const text of faults) assert.throws(() => readExposition(text), Error, text);
});
