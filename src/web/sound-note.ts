// What became of the sound, in words.

/** Of a connected session: empty where it has sound. */
export function soundNote(connection: RTCPeerConnection): string {
  const audio = connection.getTransceivers().find(({ receiver }) => receiver.track.kind === "audio");
  return audio?.currentDirection === "recvonly"
    ? ""
    : "no sound: the camera has none, or sends it in a format that browsers do not play (AAC)";
}
