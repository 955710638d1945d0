// The config that file, environment and overlay make at a start, whatever became of the overlay: it never keeps a gateway from starting.

import type { Feature } from "./built-features.ts";
import type { Config } from "./config.ts";
import { emptyOverlay, isEmptyOverlay, type LowerLayers, type Overlay, withoutField, withoutOutdated } from "./overlay.ts";
import { configOfLayers } from "./parse-config.ts";
import type { Problem } from "./problem.ts";

export interface CombinedConfig {
  /** Undefined where file and environment are wrong by themselves. */
  readonly config?: Config;
  readonly problems: readonly Problem[];
  /** What is left of it. */
  readonly overlay: Overlay;
  /** Full names of what the layers below say something else of than they did when it was changed. */
  readonly outdated: readonly string[];
  /** What is wrong with it, and so was left out. */
  readonly refused: readonly Problem[];
}

/** More are not taken out one by one. */
const MAX_REFUSED = 100;

export function combineOverlay(lower: LowerLayers, kept: Overlay, features?: ReadonlySet<Feature>): CombinedConfig {
  const { overlay: current, dropped: outdated } = withoutOutdated(kept, lower);
  const refused: Problem[] = [];
  let overlay = current;
  for (;;) {
    const parsed = configOfLayers([...lower, overlay.layer], features);
    const error = parsed.problems.find(({ severity }) => severity === "error");
    if (error === undefined || isEmptyOverlay(overlay)) return { ...parsed, overlay, outdated, refused };
    refused.push(error);
    overlay = (refused.length < MAX_REFUSED && withoutCulprit(overlay, error.field)) || emptyOverlay;
  }
}

/** Without what a problem is told of: the setting, the default it comes from, or the path as a whole. */
function withoutCulprit(overlay: Overlay, field: string): Overlay | undefined {
  const direct = withoutField(overlay, field);
  if (direct !== undefined) return direct;
  const path = [...overlay.layer.paths.keys()].find((name) => field.startsWith(`paths.${name}.`));
  const setting = field.slice(field.lastIndexOf(".") + 1);
  return withoutField(overlay, `pathDefaults.${setting}`) ?? (path === undefined ? undefined : withoutField(overlay, `paths.${path}`));
}
