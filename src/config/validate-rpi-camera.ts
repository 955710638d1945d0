// What paths with a Raspberry Pi camera must satisfy, alone and among each other.

import type { PathEntry } from "./config.ts";
import type { Report } from "./validate-path.ts";

/** The hardware M-JPEG encoder works in blocks of 8 pixels. */
const mjpegBlockPx = 8;
const mjpegLimitPx = 2048;

export function validateRpiCamera(entry: PathEntry, all: readonly PathEntry[], report: Report): void {
  const { settings } = entry;
  const isMjpeg = settings.rpiCameraCodec === "mjpeg" || (settings.rpiCameraSecondary && settings.rpiCameraCodec === "auto");
  for (const name of ["rpiCameraWidth", "rpiCameraHeight"] as const) {
    const px = settings[name];
    if (px === 0) {
      report(name, "must not be zero");
    } else if (isMjpeg && (px >= mjpegLimitPx || px % mjpegBlockPx !== 0)) {
      report(name, `must be a multiple of ${mjpegBlockPx} and less than ${mjpegLimitPx} with M-JPEG`);
    }
  }
  const sameCamera = all.filter(
    (other) => other !== entry && isRpiCamera(other) && other.settings.rpiCameraCamID === settings.rpiCameraCamID,
  );
  const secondaries = sameCamera.filter((other) => other.settings.rpiCameraSecondary);
  const primary = sameCamera.find((other) => !other.settings.rpiCameraSecondary);
  if (!settings.rpiCameraSecondary) {
    if (primary !== undefined) {
      report("source", `camera ${settings.rpiCameraCamID} is the source of '${primary.name}' already`);
    }
  } else if (primary === undefined) {
    report("rpiCameraSecondary", `no path has the first stream of camera ${settings.rpiCameraCamID}`);
  } else if (secondaries.length > 0) {
    report("rpiCameraSecondary", `'${secondaries[0]!.name}' has the second stream of camera ${settings.rpiCameraCamID} already`);
  }
}

function isRpiCamera(entry: PathEntry): boolean {
  return entry.settings.source === "rpiCamera";
}
