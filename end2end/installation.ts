// An installation of its own, for what the demo does not have: `workflowops serve` in a fresh data folder.
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from './demo';

export interface Running {
  url: string;
  stop: () => Promise<void>;
}

/// Starts a process and waits until it has written what `ready` finds. Answers what was found.
export async function started(command: string, args: string[], ready: RegExp): Promise<{ found: string; stop: () => Promise<void> }> {
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  const stop = async () => {
    if (child.exitCode === null) child.kill('SIGINT');
    await ended;
  };
  let output = '';
  const found = await new Promise<string>((done, fail) => {
    const hear = (chunk: Buffer) => {
      output += chunk;
      const match = output.match(ready);
      if (match) done(match[0]);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('error', fail);
    child.once('exit', (code) => fail(new Error(`${command} ended with ${code} before it was ready:\n${output}`)));
  });
  return { found, stop };
}

/// Starts an installation that nobody has set up yet, at `address` (a host and a port).
export async function installation(address: string, settings: string[]): Promise<Running> {
  const binary = resolve(process.env.WORKFLOWOPS_BIN ?? join(__dirname, '../target/debug/workflowops'));
  const folder = mkdtempSync(join(tmpdir(), 'workflowops-e2e-'));
  // As root, its Postgres runs as another user, who has to get here.
  chmodSync(folder, 0o755);
  const args = ['serve', '--listen', address, '--data-dir', join(folder, 'data'), '--allow-private-networks', ...settings];
  const server = await started(binary, args, new RegExp(`http://${address}`));
  const stop = async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { url: `http://${address}`, stop };
}

/// An address on this machine that nobody listens on.
export async function freeAddress(): Promise<string> {
  return `127.0.0.1:${await freePort()}`;
}
