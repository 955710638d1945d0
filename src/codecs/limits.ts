// How much one frame may hold: no camera comes near, and a hostile one gets no further.

/** One access unit. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024;
export const MAX_NAL_BYTES = 4 * 1024 * 1024;
export const MAX_NALS_PER_FRAME = 256;
/** One VPS, SPS or PPS. */
export const MAX_PARAMETER_SET_BYTES = 4096;
/** Parameter sets of one kind. */
export const MAX_PARAMETER_SETS = 32;
