// The text that `docs/config.md` begins with; the tables after it come from the schema.

export const configDocsIntroduction = `# Configuration

<!-- Generated: change src/config and run \`npm run docs\`. -->

camgate reads the configuration of MediaMTX v1.20.1 unchanged, and some settings of its own.
[\`config/camgate.yml\`](../config/camgate.yml) holds every setting with its default;
[\`config/camgate.schema.json\`](../config/camgate.schema.json) lets an editor check and complete a file.

* \`camgate check [file]\` prints everything that is wrong with a config, with line and nearest valid name; its exit code is 1 where there is an error.
* \`camgate config show [--origins] [file]\` prints what a config comes to, changes over the API included, secrets left out; with \`--origins\` also where
  each value comes from.
* The config of a running gateway can be changed, by an edit of the file or over the API: [reload.md](reload.md) tells what a change restarts, and what is kept.

## Files

The file is the one named on the command line, else the first of these that exists:
\`camgate.yml\`, \`rtsp-simple-server.yml\` and \`mediamtx.yml\` in the working directory, \`/usr/local/etc/camgate.yml\`, \`/usr/local/etc/mediamtx.yml\`,
\`/usr/etc/camgate.yml\`, \`/usr/etc/mediamtx.yml\`, \`/etc/camgate/camgate.yml\`, \`/etc/mediamtx/mediamtx.yml\`, and \`/camgate.yml\`, \`/mediamtx.yml\` for containers.
Without any file the defaults hold. A file that was named must be there.

## YAML

* YAML 1.2, at most 2 MiB, 32 levels deep, 100 aliases, one document. \`<<\` merges maps.
* Unknown keys and keys given twice are errors.
* \`yes\`, \`no\`, \`on\`, \`off\`, \`true\`, \`false\`, in any case and quoted or not, are booleans where a boolean is expected, and text elsewhere.
* Text settings take what is written: \`pass: 0123\` is \`0123\`, \`08:30\` is \`08:30\`.
* Durations are \`10s\`, \`1h30m\`, \`200ms\`, \`1d2h\`; sizes \`50M\`, \`1.5G\`, in powers of 1024; shares a size or \`5%\`.
* A key without a value leaves the default; in a path, the value of \`pathDefaults\`. A list is emptied with \`[]\`; a duration without a value is 0 outside \`paths\`.
* A path without a value (\`camera1:\`) has the defaults.
* A list of your own replaces the default list as a whole.

## Layers

From the lowest: defaults (of the profile), file, environment, changes over the API (kept in \`overlay.yml\` where \`apiPersist\` says so), configuration
desired by the NOC. A value of a higher layer wins, until the file is edited at a setting that the API has changed: then the change is dropped.
What starts a program (hooks, \`ffmpeg://\` sources), \`mqtt\`, \`profile\`, \`dataDirectory\`, \`apiPersist\` and \`apiAllowHooks\` come from file and
environment alone; \`apiAllowHooks: yes\` lets the API set the former.

## Environment

\`MTX_\` or \`CAMGATE_\` and the name in capitals sets a value; levels are joined by \`_\`, items of a list are numbered from 0:

| variable | sets |
|---|---|
| \`MTX_RTSPADDRESS=:554\` | \`rtspAddress\` |
| \`MTX_WEBRTCADDITIONALHOSTS=192.0.2.1,gate.example\` | \`webrtcAdditionalHosts\` (items separated by commas; empty for none) |
| \`MTX_PATHDEFAULTS_RECORD=yes\` | \`pathDefaults.record\` |
| \`MTX_PATHS_CAM1_SOURCE=rtsp://…\` | \`source\` of the path \`cam1\`, which is made if need be; names are lower case and have no \`_\` |
| \`MTX_AUTHINTERNALUSERS_0_PASS=…\` | \`pass\` of the first user |
| \`CAMGATE_MQTT_URLS=mqtts://…\` | \`mqtt.urls\` |

\`CAMGATE_\` wins over \`MTX_\`, which wins over the old prefix \`RTSP_\`.

## Paths

A name is made of letters, digits, \`_\`, \`-\`, \`.\` and \`/\`. A key that begins with \`~\` is a regular expression in Go's syntax, matched in linear time;
its groups can be used as \`$G1\`, \`$G2\` in \`source\`. \`all_others\` (also \`all\`, \`~^.*$\`) holds for every name that nothing else matches.
Exact names are tried first, then expressions in the order of their text, then the catch-all.`;
