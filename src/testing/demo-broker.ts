// The demo's broker, as a program: `node demo-broker.ts <port>`, which prints where it listens.
import { startSmallBroker } from "./small-broker.ts";

const broker = await startSmallBroker(Number(process.argv[2] ?? 0));
process.stdout.write(`mqtt://127.0.0.1:${broker.port}\n`);
