// What hooks must know of the settings, by the names of the config. The gateway hands it in; nothing here reads a config. Empty text: no command.

export interface ConnectionHookSettings {
  readonly runOnConnect: string;
  readonly runOnConnectRestart: boolean;
  readonly runOnDisconnect: string;
}

export interface PathHookSettings {
  readonly runOnInit: string;
  readonly runOnInitRestart: boolean;
  readonly runOnDemand: string;
  readonly runOnDemandRestart: boolean;
  readonly runOnUnDemand: string;
  readonly runOnAvailable: string;
  readonly runOnAvailableRestart: boolean;
  readonly runOnUnavailable: string;
  readonly runOnOnline: string;
  readonly runOnOnlineRestart: boolean;
  readonly runOnOffline: string;
  readonly runOnRead: string;
  readonly runOnReadRestart: boolean;
  readonly runOnUnread: string;
  readonly runOnRecordSegmentCreate: string;
  readonly runOnRecordSegmentComplete: string;
}

export const NO_PATH_HOOKS: PathHookSettings = {
  runOnInit: "",
  runOnInitRestart: false,
  runOnDemand: "",
  runOnDemandRestart: false,
  runOnUnDemand: "",
  runOnAvailable: "",
  runOnAvailableRestart: false,
  runOnUnavailable: "",
  runOnOnline: "",
  runOnOnlineRestart: false,
  runOnOffline: "",
  runOnRead: "",
  runOnReadRestart: false,
  runOnUnread: "",
  runOnRecordSegmentCreate: "",
  runOnRecordSegmentComplete: "",
};
