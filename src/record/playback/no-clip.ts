// Why there is no clip of what was asked for.
import { CallerFault } from "#base/errors.ts";

/** MediaMTX's words, which its clients know. */
const NO_FOOTAGE = "no recording segments found";

export class EmptyClip extends CallerFault {
  /** `unplayable`: there is footage, and MP4 cannot hold it. */
  constructor(unplayable = false) {
    if (unplayable) super("invalid", "nothing of what is wanted of this recording can be stored in MP4");
    else super("not-found", NO_FOOTAGE);
    this.name = "EmptyClip";
  }
}

export class TooLongClip extends CallerFault {
  constructor() {
    super("invalid", "this is too much for one plain MP4 file: ask for a shorter duration, or for format=fmp4", "duration");
    this.name = "TooLongClip";
  }
}
