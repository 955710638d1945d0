// What the settings of a path must satisfy together; single values are judged where they are decoded.

import type { PathEntry } from "./config.ts";
import { parseDuration } from "./duration.ts";
import type { GlobalConfig, PathConfig } from "./schema.ts";
import { forwardFault, redirectFault, sourceFault } from "./source-url.ts";
import { validateAppliance } from "./validate-hooks.ts";
import { validateRecording } from "./validate-recording.ts";
import { validateRpiCamera } from "./validate-rpi-camera.ts";

/** Takes the setting at fault (without the path's prefix) and what is wrong with it. */
export type Report = (field: string, message: string) => void;

export function validatePath(entry: PathEntry, global: GlobalConfig, all: readonly PathEntry[], report: Report): void {
  const { settings } = entry;
  validateSource(entry, report);
  validateDemand(entry, report);
  if (global.profile === "appliance") {
    validateAppliance(settings, report);
  }
  validateRecording(settings, global, report);
  if (settings.alwaysAvailable) {
    validateAlwaysAvailable(entry, report);
  }
  if (settings.source === "rpiCamera") {
    validateRpiCamera(entry, all, report);
  }
  validateRtspSource(settings, report);
  for (const { dest } of settings.forward) {
    const fault = forwardFault(dest);
    if (fault !== undefined) {
      report("forward", `the destination ${fault}`);
    }
  }
}

function validateSource({ kind, settings }: PathEntry, report: Report): void {
  const { source } = settings;
  const fault = sourceFault(source);
  if (fault !== undefined) {
    report("source", fault);
  }
  if (/^(udp|unix)\+rtp:/.test(source) && settings.rtpSDP === "") {
    report("rtpSDP", "must be set for a plain RTP source");
  }
  if (source === "redirect") {
    const redirect = settings.sourceRedirect === "" ? "must be set with source: redirect" : redirectFault(settings.sourceRedirect);
    if (redirect !== undefined) {
      report("sourceRedirect", redirect);
    }
  } else if (settings.sourceRedirect !== "") {
    report("sourceRedirect", "is of use with source: redirect only");
  }
  const fallback = settings.fallback === "" ? undefined : redirectFault(settings.fallback);
  if (fallback !== undefined) {
    report("fallback", fallback);
  }
  if (settings.srtPublishPassphrase !== "" && source !== "publisher") {
    report("srtPublishPassphrase", "is of use with source: publisher only");
  }
  const isPulled = source !== "publisher" && source !== "redirect";
  if (kind !== "static" && isPulled && !settings.sourceOnDemand) {
    report("sourceOnDemand", "must be on where a source is given to a regular expression or to all_others");
  }
}

function validateDemand({ kind, settings }: PathEntry, report: Report): void {
  const { source } = settings;
  if (settings.sourceOnDemand && source === "publisher") {
    report("sourceOnDemand", "is of no use with source: publisher");
  }
  for (const name of ["runOnDemand", "runOnUnDemand"] as const) {
    if (settings[name] !== "" && source !== "publisher") {
      report(name, "can be used with source: publisher only");
    }
  }
  if (settings.runOnInit !== "" && kind !== "static") {
    report("runOnInit", "cannot be used with a regular expression or all_others: the names are not known beforehand");
  }
}

function validateAlwaysAvailable({ kind, settings }: PathEntry, report: Report): void {
  if (kind !== "static") {
    report("alwaysAvailable", "cannot be used with a regular expression or all_others");
  }
  for (const name of ["sourceOnDemand", "runOnDemand", "runOnUnDemand", "useAbsoluteTimestamp"] as const) {
    if (settings[name] !== "" && settings[name] !== false) {
      report("alwaysAvailable", `cannot be used together with ${name}`);
    }
  }
  if (settings.alwaysAvailableFile !== "" && settings.alwaysAvailableTracks.length > 0) {
    report("alwaysAvailableFile", "cannot be used together with alwaysAvailableTracks");
  }
  if (settings.alwaysAvailableFile === "" && settings.alwaysAvailableTracks.length === 0) {
    report("alwaysAvailableTracks", "must have a track, or alwaysAvailableFile must be set");
  }
}

function validateRtspSource(settings: PathConfig, report: Report): void {
  const [first, last] = settings.rtspUDPSourcePortRange;
  if (first! > last!) {
    report("rtspUDPSourcePortRange", "must begin with the lower port");
  }
  if (settings.rtspScale !== "" && !/^-?(\d{1,6}\.?\d{0,6}|\.\d{1,6})$/.test(settings.rtspScale)) {
    report("rtspScale", "must be a number");
  }
  const { rtspRangeType: type, rtspRangeStart: start } = settings;
  if (type === "clock" && !/^\d{8}T\d{6}(\.\d+)?Z$/.test(start)) {
    report("rtspRangeStart", "must be a time such as 20230812T120000Z with rtspRangeType: clock");
  }
  if ((type === "npt" || type === "smpte") && (start === "" || parseDuration(start) === undefined)) {
    report("rtspRangeStart", `must be a duration such as 1m30s with rtspRangeType: ${type}`);
  }
}
