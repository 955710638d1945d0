// Load process: readers over RTSP/TCP that only count bytes. Arguments: the URL, and how many readers.
import { serveLoad } from "./load-messages.ts";
import { RtspConnection } from "./rtsp-connection.ts";

/** Connections that are set up at the same time: enough to be quick, too few to make a storm. */
const SETUP_WIDTH = 8;

await serveLoad(async () => {
  const [url = "", count = "1"] = process.argv.slice(2);
  const readBuffer = Buffer.allocUnsafeSlow(262_144);
  let bytes = 0;
  let reads = 0;
  let closed = 0;
  let left = Number(count);

  const setUp = async () => {
    while (left > 0) {
      left -= 1;
      const connection = await RtspConnection.open(url, readBuffer);
      await connection.play();
      connection.onMedia = (chunk) => {
        bytes += chunk.length;
        reads += 1;
      };
      connection.onClose = () => {
        closed += 1;
      };
    }
  };
  await Promise.all(Array.from({ length: SETUP_WIDTH }, setUp));
  return () => ({ bytes, reads, closed });
});
