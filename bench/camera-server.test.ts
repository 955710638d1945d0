import assert from "node:assert/strict";
import { test } from "node:test";
import { CameraServer } from "./camera-server.ts";
import { RtspConnection, type Transport } from "./rtsp-connection.ts";
import { readCameraPacket, SyntheticCamera } from "./synthetic-h264.ts";

for (const transport of ["tcp", "udp"] satisfies Transport[]) {
  test(`a client over ${transport} gets what its camera sends, until it says goodbye`, async (t) => {
    const server = await CameraServer.listen();
    t.after(() => server.close());
    const connection = await RtspConnection.open(`${server.url}/cam3`, Buffer.alloc(65_536));
    t.after(() => connection.close());
    const markers: number[] = [];
    const two = new Promise<void>((resolve) => {
      connection.onRtp = (rtp) => {
        const packet = readCameraPacket(rtp);
        if (packet?.marker) markers.push(packet.sentAtUs);
        if (markers.length === 2) resolve();
      };
    });
    await connection.play(transport);
    assert.equal(server.clientsOf("cam3"), 1);

    const camera = new SyntheticCamera({ gopFrames: 1000, firstFrame: 1 });
    for (const sentAtUs of [71, 72]) {
      const frame = camera.next(sentAtUs);
      server.send("cam3", frame, 0, 5);
      server.send("cam4", frame, 0, frame.offsets.length - 1);
      server.send("cam3", frame, 5, frame.offsets.length - 1);
    }
    await two;
    assert.deepEqual(markers, [71, 72]);

    await connection.tearDown();
    assert.equal(server.clientsOf("cam3"), 0);
  });
}
