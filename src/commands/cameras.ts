// Commands about cameras: how they are, and connecting anew.
import { CallerFault } from "#base/errors.ts";
import type { Command } from "#control/command.ts";
import type { PathRegistry } from "#relay/path-registry.ts";
import type { CamerasHealth, CameraWatch } from "./camera-health.ts";
import { cameraField, optionalCamera, readFields } from "./command-input.ts";

export interface CameraCommandsOptions {
  readonly registry: Pick<PathRegistry, "get">;
  readonly cameras: Pick<CameraWatch, "read">;
}

export function cameraCommands({ registry, cameras }: CameraCommandsOptions) {
  const state: Command<{ readonly cam: string | undefined }, { readonly cams: CamerasHealth }> = {
    name: "cam.state",
    scope: "read",
    summary: "How each camera is, or one of them: state, picture, rates, losses, who watches.",
    parse: (input) => ({ cam: optionalCamera(readFields(input, ["cam"]).cam) }),
    pathOf: ({ cam }) => cam,
    run: async ({ cam }) => {
      const all = cameras.read();
      if (cam === undefined) return { cams: all };
      const one = Object.hasOwn(all, cam) ? all[cam] : undefined;
      if (one === undefined) throw notFound(cam);
      return { cams: { [cam]: one } };
    },
  };
  const restart: Command<{ readonly cam: string }, Readonly<Record<string, never>>> = {
    name: "cam.restart",
    scope: "operate",
    summary: "Ends the session with a camera that is pulled, and connects anew. Viewers stay.",
    parse: (input) => ({ cam: cameraField(readFields(input, ["cam"]).cam) }),
    pathOf: ({ cam }) => cam,
    run: async ({ cam }) => {
      const path = registry.get(cam);
      if (path === undefined) throw notFound(cam);
      if (!path.restartSource()) throw new CallerFault("conflict", `nothing is pulled to path '${cam}' now`, "cam");
      return {};
    },
  };
  return [state, restart] as const;
}

function notFound(cam: string): CallerFault {
  return new CallerFault("not-found", `there is no camera '${cam}'`, "cam");
}
