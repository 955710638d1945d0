// docs/mqtt/asyncapi.yaml (AsyncAPI 3.0) and docs/mqtt/schemas/*.json, from the tables of this folder.
import { stringify } from "yaml";
import { jws } from "./downlink.table.ts";
import { type Message, messages } from "./messages.table.ts";
import { operations } from "./operations.table.ts";
import type { JsonSchema } from "./schema.ts";

const DRAFT = "https://json-schema.org/draft/2020-12/schema";
const PARAMETERS: Readonly<Record<string, string>> = {
  tenant: "Customer: 2 to 16 lower-case letters and digits.",
  gateway: "Gateway: 3 to 32 lower-case letters, digits and hyphens.",
  bid: "Name of the blob, from the answer that announces it.",
};

/** By file name, below `docs/mqtt/schemas/`: a file for each message, and one for the arguments and result of each operation. */
export function writeJsonSchemas(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const add = (name: string, title: string, schema: JsonSchema): void =>
    void files.set(`${name}.json`, `${JSON.stringify({ $schema: DRAFT, title, ...schema }, undefined, 2)}\n`);
  for (const { name, topic, schema } of messages) if (schema !== undefined) add(name, topic, schema);
  for (const { name, args, result, summary } of operations) {
    add(`op.${name}.args`, `${name}: ${summary}`, args);
    add(`op.${name}.res`, `Result of ${name}`, result);
  }
  return files;
}

export function writeAsyncApi(): string {
  const document = {
    asyncapi: "3.0.0",
    info: {
      title: "camgate: gateways and their NOC",
      version: "1.0.0",
      description: "Generated from src/fleet/contract (npm run docs). To read: README.md beside this file.",
      license: { name: "Apache-2.0" },
    },
    defaultContentType: "application/json",
    channels: Object.fromEntries(messages.map((message) => [message.name, channelOf(message)])),
    operations: Object.fromEntries(messages.map((message) => [operationNameOf(message), operationOf(message)])),
    components: {
      messages: Object.fromEntries(messages.map((message) => [message.name, messageOf(message)])),
      schemas: { jws },
    },
    "x-operations": Object.fromEntries(
      operations.map(({ name, summary, isPrivileged, limit }) => [
        name,
        {
          summary,
          privileged: isPrivileged,
          ...(limit !== undefined && { limit }),
          args: { $ref: `./schemas/op.${name}.args.json` },
          result: { $ref: `./schemas/op.${name}.res.json` },
        },
      ]),
    ),
  };
  return stringify(document, { lineWidth: 140, aliasDuplicateObjects: false });
}

function channelOf({ name, topic, summary }: Message): object {
  const parameters = [...topic.matchAll(/\{(\w+)\}/g)].map(([, parameter = ""]) => [parameter, { description: PARAMETERS[parameter] }]);
  return {
    address: topic,
    summary,
    ...(parameters.length > 0 && { parameters: Object.fromEntries(parameters) }),
    messages: { [name]: { $ref: `#/components/messages/${name}` } },
  };
}

/** As the gateway sees it. */
function operationNameOf({ name, from }: Message): string {
  return from === "gateway" ? `send-${name}` : `receive-${name}`;
}

function operationOf({ name, from, qos, retain, expirySeconds, summary }: Message): object {
  return {
    action: from === "gateway" ? "send" : "receive",
    channel: { $ref: `#/channels/${name}` },
    summary,
    bindings: {
      mqtt: { qos, retain, ...(expirySeconds !== undefined && { messageExpiryInterval: expirySeconds }), bindingVersion: "0.2.0" },
    },
    messages: [{ $ref: `#/channels/${name}/messages/${name}` }],
  };
}

function messageOf({ name, summary, contentType, schema, isSigned = false }: Message): object {
  const plain = { $ref: `./schemas/${name}.json` };
  const payload = isSigned ? { anyOf: [plain, { $ref: "#/components/schemas/jws" }] } : plain;
  return {
    name,
    summary,
    contentType,
    ...(schema !== undefined && { payload: { schemaFormat: `application/schema+json;version=draft-2020-12`, schema: payload } }),
  };
}
