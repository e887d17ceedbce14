// Runs `start(port)` in this process, or in as many as PROCESSES says behind one port.
import cluster from "node:cluster";

export function serve(start) {
  const processes = Number(process.env.PROCESSES ?? 1);
  if (processes > 1 && cluster.isPrimary) {
    for (let number = 0; number < processes; number++) cluster.fork();
  } else {
    start(Number(process.env.PORT));
  }
}
