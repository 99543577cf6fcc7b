// Starts `workflowops demo` before the tests and stops it after them.
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export default async function start(): Promise<() => Promise<void>> {
  const binary = resolve(process.env.WORKFLOWOPS_BIN ?? join(__dirname, '../target/debug/workflowops'));
  const folder = mkdtempSync(join(tmpdir(), 'workflowops-e2e-'));
  // As root, the demo's Postgres runs as another user, who has to get here.
  chmodSync(folder, 0o755);
  const address = `127.0.0.1:${await freePort()}`;
  const demo = spawn(binary, ['demo', '--listen', address, '--data-dir', join(folder, 'demo'), '--fresh'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const ended = new Promise<void>((done) => demo.once('exit', () => done()));
  const ready = new Promise<void>((done, fail) => {
    const hear = (chunk: Buffer) => {
      output += chunk;
      if (output.includes('n8n of Studio')) done();
    };
    demo.stdout.on('data', hear);
    demo.stderr.on('data', hear);
    demo.once('error', fail);
    demo.once('exit', (code) => fail(new Error(`the demo ended with ${code} before it was ready:\n${output}`)));
    setTimeout(() => fail(new Error(`the demo was not ready in four minutes:\n${output}`)), 240_000).unref();
  });
  const stop = async () => {
    demo.kill('SIGINT');
    await ended;
    // What the server said meanwhile, beside the traces of what failed.
    mkdirSync(join(__dirname, 'results'), { recursive: true });
    writeFileSync(join(__dirname, 'results/demo.log'), output);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await ready;
  } catch (error) {
    if (demo.exitCode === null && demo.pid !== undefined) await stop();
    throw error;
  }
  process.env.WORKFLOWOPS_URL = `http://${address}`;
  process.env.WORKFLOWOPS_DEMO = join(folder, 'introduction.txt');
  writeFileSync(process.env.WORKFLOWOPS_DEMO, output);
  return stop;
}

export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer().once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => done(port));
    });
  });
}
