// The global settings that camgate adds to MediaMTX's.

import { contactFault } from "#base/contact.ts";
import { destinationEntryFault } from "#base/destination.ts";
import { schedule } from "./object-types.table.ts";
import { section, setting } from "./setting.ts";
import { brokerUrlFault } from "./source-url.ts";
import { bool, count, duration, float, list, oneOf, seconds, share, size, text } from "./value-types.ts";

export const gateway = section(
  "camgate: gateway",
  { effect: "process" },
  {
    profile: setting(
      oneOf("dropIn", "appliance"),
      "dropIn",
      "Which defaults apply: MediaMTX's (dropIn) or those of a locked-down device (appliance).",
      {
        localOnly: "always",
        needs: [{ feature: "appliance", security: true }],
      },
    ),
    dataDirectory: setting(text, "./camgate-data", "Directory of what camgate itself keeps: overlay, clock anchors, outbox, keys.", {
      appliance: "/data/camgate",
      localOnly: "always",
    }),
    clipDirectory: setting(text, "", "Folder that exported clips are written to; empty: nothing is exported.", {
      effect: "live",
      localOnly: "always",
    }),
    destinationHosts: setting(
      list({ kind: "text", check: destinationEntryFault }),
      [],
      "Hosts that API and NOC may have footage sent to: `noc.example`, `*.noc.example` (all below it), or an address. TLS alone, also after a redirect.",
      { effect: "live", localOnly: "always" },
    ),
    apiPersist: setting(bool, false, "Keep changes made over the API across a restart.", {
      appliance: true,
      effect: "live",
      localOnly: "always",
      needs: [{ feature: "apiConfig" }],
    }),
    apiAllowHooks: setting(bool, false, "Let the API set hooks and sources that start a program.", {
      effect: "live",
      localOnly: "always",
      needs: [{ feature: "apiConfig" }],
    }),
    sourcePolicy: setting(oneOf("any", "lan"), "any", "Addresses a source may have when it is set over API or MQTT.", {
      appliance: "lan",
      effect: "live",
      needs: [{ feature: "apiConfig" }],
    }),
    httpAllowedHosts: setting(list(text), [], "Further Host values that browser requests to API and page may carry.", {
      effect: "live",
      needs: [{ feature: "apiConfig" }],
    }),
    recordMaxSize: setting(share, { bytes: 0 }, "Recorded files together: above it the oldest go first; 0 sets no limit.", {
      effect: "live",
      needs: [{ feature: "record" }],
    }),
    recordMinFree: setting(share, { bytes: 0 }, "Space that recording leaves free on the file system; 0 sets no limit.", {
      appliance: { percent: 5 },
      effect: "live",
      needs: [{ feature: "record" }],
    }),
    securityContact: setting(
      { kind: "text", check: contactFault },
      "",
      "Where to tell of a vulnerability: shown to anybody as /.well-known/security.txt, and to the NOC. Such as mailto:security@example.com.",
      { effect: "live", localOnly: "noc" },
    ),
    maxConnections: setting(count, 0, "Connections to RTSP and HTTP servers together; 0 sets no limit.", {
      appliance: 256,
      effect: "live",
    }),
    maxConnectionsPerAddress: setting(count, 0, "Of those, from one address (IPv6: one /64); 0 sets no limit.", {
      appliance: 16,
      effect: "live",
    }),
    maxStrangersPerAddress: setting(count, 0, "Of those, without any request that was allowed so far; 0 sets no limit.", {
      appliance: 8,
      effect: "live",
    }),
    maxTotalReaders: setting(count, 0, "Readers of all paths together; 0 sets no limit.", { appliance: 64, effect: "live" }),
    schedules: setting(list(schedule), [], "What is done at set times: docs/schedules.md.", {
      effect: "live",
      needs: [{ feature: "schedules" }],
    }),
  },
);

export const ring = section(
  "camgate: SD ring",
  { group: "ring", effect: "process", needs: [{ feature: "ring" }] },
  {
    directory: setting(text, "", "Directory of the ring, best on a file system of its own.", { appliance: "/rec" }),
    size: setting(size, 0, "Size of the ring; 0 takes the whole file system."),
    syncPeriod: setting(duration, seconds(1), "Written data reaches the card at most this often per camera.", { effect: "live" }),
    lockedMax: setting(share, { percent: 30 }, "How much of the ring locked recordings may hold.", { effect: "live" }),
    tbw: setting(float(0, 1_000_000), 0, "Terabytes the card is rated to take; 0 if not known.", { effect: "live", unit: "TB" }),
    wearPolicy: setting(oneOf("warn", "protect"), "warn", "Near the end of the card's life: warn, or write less.", {
      appliance: "protect",
      effect: "live",
    }),
  },
);

export const mqtt = section(
  "camgate: MQTT link",
  { group: "mqtt", effect: "mqtt", needs: [{ feature: "mqtt" }] },
  {
    urls: setting(
      list({
        kind: "text",
        check: brokerUrlFault,
      }),
      [],
      "Brokers, tried in order; `mqtt.url` may be written for a single one.",
      { localOnly: "noc" },
    ),
    tenant: setting(
      {
        kind: "text",
        check: (value: string) =>
          value === "" || /^[a-z0-9]{2,16}$/.test(value) ? undefined : "must have 2 to 16 lower-case letters and digits",
      },
      "",
      "Second level of every topic.",
      { localOnly: "always" },
    ),
    gatewayId: setting(
      {
        kind: "text",
        check: (value: string) =>
          value === "" || /^[a-z0-9][a-z0-9-]{2,31}$/.test(value)
            ? undefined
            : "must have 3 to 32 lower-case letters, digits and minus signs",
      },
      "",
      "Name of this gateway; empty derives it from the device's key.",
      { localOnly: "always" },
    ),
    protocol: setting(oneOf("auto", "5", "4"), "auto", "MQTT version: auto, 5, or 4 (3.1.1).", { localOnly: "always" }),
    ca: setting(text, "", "File with the authorities that vouch for the broker (PEM).", { localOnly: "always" }),
    cert: setting(text, "", "File with the client certificate (PEM).", { localOnly: "always" }),
    key: setting(text, "", "File with the client's private key (PEM).", { localOnly: "always" }),
    username: setting(text, "", "User name at the broker.", { localOnly: "always" }),
    passwordFile: setting(text, "", "File that holds the password.", { localOnly: "always" }),
    commands: setting(
      oneOf("off", "signed", "broker"),
      "off",
      "Commands over MQTT: off, signed by a known key, or whatever the broker lets through.",
      {
        appliance: "signed",
        localOnly: "always",
      },
    ),
    commandKeys: setting(list(text), [], "Public keys (Ed25519) that may sign commands.", { localOnly: "always" }),
    rootKey: setting(text, "", "Public key (Ed25519), kept off line, that may replace those that sign commands.", { localOnly: "always" }),
    telemetryInterval: setting(duration, seconds(60), "How often telemetry is sent.", { effect: "live", localOnly: "noc" }),
    reconnectCap: setting(duration, seconds(300), "Longest pause between attempts to reach a broker.", {
      effect: "live",
      localOnly: "noc",
    }),
    homeAssistantDiscovery: setting(
      {
        kind: "text",
        check: (value: string) =>
          /^([A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*)?$/.test(value) ? undefined : "may have letters, digits, - and _, in levels parted by /",
      },
      "",
      "Discovery prefix of Home Assistant, such as `homeassistant`; empty turns it off.",
      { effect: "live", localOnly: "noc" },
    ),
    homeAssistantPictures: setting(duration, seconds(60), "How often Home Assistant gets a picture of each camera; 0 sends none.", {
      effect: "live",
      localOnly: "noc",
    }),
  },
);

export const camgateGlobalSections = [gateway, ring, mqtt] as const;
