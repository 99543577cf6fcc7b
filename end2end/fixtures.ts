import { test as base, expect, type Page } from '@playwright/test';
import { AxeBuilder } from '@axe-core/playwright';
import { readFileSync } from 'node:fs';

export { expect };
export const PASSWORD = 'look-at-the-drift';

/// Every test fails on an error in the browser's console, unless it says which one it asks for.
export const test = base.extend<{ allowed: RegExp[]; quiet: void }>({
  baseURL: async ({}, use) => use(process.env.WORKFLOWOPS_URL),
  allowed: [[], { option: true }],
  quiet: [
    async ({ page, allowed }, use) => {
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(`${page.url()}: ${error}`));
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') errors.push(`${page.url()}: ${message.text()}`);
      });
      await use();
      expect(errors.filter((error) => !allowed.some((pattern) => pattern.test(error)))).toEqual([]);
    },
    { auto: true },
  ],
});

export async function signIn(page: Page, email: string): Promise<void> {
  await page.goto('/sign-in');
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Environments', level: 1 })).toBeVisible();
}

/// Opens an environment from the list.
export async function open(page: Page, environment: string): Promise<void> {
  await page.goto('/');
  await page.getByRole('link', { name: environment, exact: true }).click();
  await expect(page.getByRole('heading', { name: environment, level: 1 })).toBeVisible();
}

/// Opens the drift workspace of an environment, the only way there is; where an incident is open, through it.
export async function openDrift(page: Page, environment: string): Promise<void> {
  await open(page, environment);
  await page.getByRole('link', { name: 'View Drift' }).click();
  const drift = page.getByRole('heading', { name: `Drift in ${environment}` });
  const through = page.getByRole('link', { name: 'all changes of the environment' });
  await expect(drift.or(through)).toBeVisible();
  if (await through.isVisible()) await through.click();
  await expect(drift).toBeVisible();
}

/// Opens the incident of an environment, the way that its banner leads.
export async function openIncident(page: Page, environment: string): Promise<void> {
  await open(page, environment);
  await page.getByRole('link', { name: 'View Drift' }).click();
  await expect(page).toHaveURL(/\/incidents\/[0-9a-f-]+$/);
  await expect(page.getByRole('heading', { level: 1 })).toContainText(environment);
}

/// Waits until the page follows what happens.
export async function live(page: Page): Promise<void> {
  await expect(page.locator('.live-dot')).toHaveAttribute('data-state', 'live');
}

export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((v) => `${v.id}: ${v.nodes.map((node) => node.html).join('\n')}`)).toEqual([]);
}

export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const { wanted, there } = await page.evaluate(() => ({
    wanted: document.documentElement.scrollWidth,
    there: document.documentElement.clientWidth,
  }));
  expect(wanted).toBeLessThanOrEqual(there);
}

/// A stand-in of the demo, by the name that it was introduced with.
export function standIn(name: string): { url: string; key: string } {
  const introduction = readFileSync(process.env.WORKFLOWOPS_DEMO!, 'utf8');
  const line = introduction.split('\n').find((line) => line.trim().startsWith(`${name} `));
  const found = line?.match(/(http:\S+)\s+(?:key|token)\s+(\S+)/);
  if (!found) throw new Error(`the demo did not introduce ${name}:\n${introduction}`);
  return { url: found[1], key: found[2] };
}

/// A server of n8n: its address and its key.
export type N8n = { url: string; key: string };

/// Acts in n8n as its editor does: changes the first workflow with that name.
export async function editInN8n(n8n: string | N8n, workflow: string, change: (workflow: any) => void): Promise<void> {
  const { url, key } = typeof n8n === 'string' ? standIn(n8n) : n8n;
  const headers = { 'X-N8N-API-KEY': key, 'content-type': 'application/json' };
  const list = await (await fetch(`${url}/api/v1/workflows?limit=100`, { headers })).json();
  const found = list.data.find((one: any) => one.name === workflow);
  const body = { name: found.name, nodes: found.nodes, connections: found.connections, settings: found.settings };
  change(body);
  const answer = await fetch(`${url}/api/v1/workflows/${found.id}`, { method: 'PUT', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`n8n answered ${answer.status}: ${await answer.text()}`);
}

/// The git database of a repository of the stand-in for GitHub, over its API.
async function git(repository: string, method: string, address: string, body?: unknown): Promise<any> {
  const { url, key } = standIn('GitHub');
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', accept: 'application/vnd.github+json' };
  const answer = await fetch(`${url}/repos/${repository}/git/${address}`, { method, headers, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`GitHub answered ${answer.status} to ${method} ${address}: ${await answer.text()}`);
  return answer.json();
}

/// A commit of these files on top of `main`, on no branch yet.
async function commitFiles(repository: string, files: Record<string, unknown>, message: string): Promise<string> {
  const head = (await git(repository, 'GET', 'ref/heads/main')).object.sha;
  const base = (await git(repository, 'GET', `commits/${head}`)).tree.sha;
  const tree = Object.entries(files).map(([path, file]) => {
    return { path, mode: '100644', type: 'blob', content: `${JSON.stringify(file, null, 2)}\n` };
  });
  const made = await git(repository, 'POST', 'trees', { base_tree: base, tree });
  return (await git(repository, 'POST', 'commits', { message, tree: made.sha, parents: [head] })).sha;
}

/// Commits files to `main`, as anybody does.
export async function commitToMain(repository: string, files: Record<string, unknown>, message: string): Promise<void> {
  await git(repository, 'PATCH', 'refs/heads/main', { sha: await commitFiles(repository, files, message) });
}

/// Commits a change of one file onto `main`, on a branch of its own. `merge` takes `main` there.
export async function commitOnBranch(
  repository: string,
  path: string,
  message: string,
  change: (workflow: any) => void,
): Promise<{ commit: string; merge: () => Promise<void> }> {
  const tree = (await git(repository, 'GET', 'trees/main?recursive=1')).tree;
  const blob = await git(repository, 'GET', `blobs/${tree.find((entry: any) => entry.path === path).sha}`);
  const workflow = JSON.parse(Buffer.from(blob.content, 'base64').toString());
  change(workflow);
  const commit = await commitFiles(repository, { [path]: workflow }, message);
  await git(repository, 'POST', 'refs', { ref: `refs/heads/fix-${commit.slice(0, 7)}`, sha: commit });
  return { commit, merge: async () => void (await git(repository, 'PATCH', 'refs/heads/main', { sha: commit })) };
}
