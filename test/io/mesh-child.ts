/** A node in a process of its own, for the mesh test: echoes each item to its sender until it is killed. */
import { Mesh } from '../../src/io/links.ts';

const [id, incarnation, port, peers] = process.argv.slice(2);
const mesh = new Mesh({
  self: { id: id!, incarnation: Number(incarnation) },
  cluster: 'demo',
  secret: 'mesh secret',
  listen: { host: '127.0.0.1', port: Number(port) },
  log: { write() {} },
  onPeer() {},
  onItem: (from, target, payload) =>
    mesh.send(from, target, Buffer.concat([Buffer.from(`${id}.${incarnation}:`), payload])),
});
await mesh.start();
mesh.setPeers(JSON.parse(peers!));
