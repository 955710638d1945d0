// The NOC's desired config as a layer: a JSON document nested as a config file is, with some of its settings.
import { settingsLayer } from "./file-layer.ts";
import { jsonNode } from "./json-settings.ts";
import { type Layer, OldNameLog } from "./layer.ts";
import { Problems } from "./problem.ts";

/** The fault names the field. What the NOC may not set is found out when layers are merged. */
export function desiredLayer(doc: Readonly<Record<string, unknown>>): { readonly layer: Layer } | { readonly fault: string } {
  const problems = new Problems();
  const layer = settingsLayer(jsonNode(doc), { name: "desired", originOf: () => ({ kind: "desired" }) }, problems, new OldNameLog());
  const problem = problems.all.find(({ severity }) => severity === "error");
  return problem === undefined ? { layer } : { fault: `${problem.field}: ${problem.message}` };
}
