// The page of the profiling server: what it offers, as HTML without script or style from anywhere.

export const PROFILES = [
  {
    path: "/debug/pprof/profile",
    query: "?seconds=30",
    title: "CPU profile",
    text: "What ran in that time, as a .cpuprofile: open it in Chrome's DevTools (Performance, or JavaScript Profiler), or in VS Code.",
  },
  {
    path: "/debug/pprof/allocs",
    query: "?seconds=30",
    title: "Allocations",
    text: "What was allocated in that time and is still there, by samples, as a .heapprofile: open it in Chrome's DevTools (Memory).",
  },
  {
    path: "/debug/pprof/heap",
    query: "",
    title: "Heap snapshot",
    text: "Everything in memory, passwords included, as a .heapsnapshot for Chrome's DevTools (Memory). The gateway stands still while it is taken, about a second for each 100 MB, and needs as much memory again.",
  },
] as const;

const STYLE = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:45rem;margin:2rem auto;padding:0 1rem}dt{margin-top:1rem;font-weight:600}dd{margin:0}code{font-size:.9em}`;

/** Nothing in it comes from a client. */
export function pprofPage(): string {
  const items = PROFILES.map(
    ({ path, query, title, text }) =>
      `<dt><a href="${path.slice("/debug/pprof/".length)}${query}">${title}</a> <code>${path}${query}</code></dt><dd>${text}</dd>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>camgate: profiles</title>
<style>${STYLE}</style></head>
<body><h1>Profiles of this gateway</h1>
<p>One at a time, of up to two minutes. Profiles of Go programs (goroutine, block, mutex, trace) do not exist here.</p>
<dl>${items.join("\n")}</dl></body></html>
`;
}
