import { commitToMain, editInN8n, expect, openIncident, signIn, standIn, test, type N8n } from '../fixtures';
import { liveThrough } from '../story';

const { N8N_URL, N8N_API_KEY } = process.env;
const NAMES = ['Promoted', 'Vanished', 'Reverted', 'Replaced'].map((name) => `${name} in the browser`);
const [promoted, vanished, reverted, replaced] = NAMES;
const REPOSITORY = 'northlight/lumen-dental';
const FOLDER = 'real-n8n';

const total = (code: string) => (workflow: any) => {
  workflow.nodes.find((node: any) => node.name === 'Total').parameters.jsCode = code;
};

/// A workflow as n8n takes it.
const workflow = (name: string) => ({
  name,
  nodes: [
    { id: '5e4b3f0e-0001-4000-8000-000000000001', name: 'Start', type: 'n8n-nodes-base.manualTrigger', typeVersion: 1, position: [0, 0], parameters: {} },
    { id: '5e4b3f0e-0002-4000-8000-000000000002', name: 'Total', type: 'n8n-nodes-base.code', typeVersion: 2, position: [220, 0], parameters: { jsCode: 'return items;' } },
  ],
  connections: { Start: { main: [[{ node: 'Total', type: 'main', index: 0 }]] } },
  settings: { executionOrder: 'v1' },
});

async function call(n8n: N8n, method: string, address: string, body?: unknown): Promise<any> {
  const headers = { 'X-N8N-API-KEY': n8n.key, 'content-type': 'application/json' };
  const answer = await fetch(`${n8n.url}/api/v1/${address}`, { method, headers, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`n8n answered ${answer.status} to ${method} ${address}: ${await answer.text()}`);
  return answer.json();
}

test('the story of four hotfixes on a real n8n', async ({ page }) => {
  test.skip(!N8N_URL || !N8N_API_KEY, 'no real n8n is named: scripts/n8n browser starts one');
  test.setTimeout(300_000);
  const n8n = { url: N8N_URL!, key: N8N_API_KEY! };
  const files: Record<string, unknown> = {};
  const ids: string[] = [];
  for (const name of NAMES) {
    const made = await call(n8n, 'POST', 'workflows', workflow(name));
    ids.push(made.id);
  }
  // Whatever is in this n8n besides is declared, and so is no drift.
  for (const one of (await call(n8n, 'GET', 'workflows?limit=100')).data) {
    const name = ids.includes(one.id) ? one.name.split(' ')[0].toLowerCase() : one.id;
    files[`${FOLDER}/${name}.json`] = await call(n8n, 'GET', `workflows/${one.id}`);
  }
  await commitToMain(REPOSITORY, files, 'Declare what runs');

  await signIn(page, 'owner@northlight.example');
  await page.getByRole('link', { name: 'Connect environment' }).click();
  const github = standIn('GitHub');
  await page.getByLabel('Name', { exact: true }).fill('A real n8n');
  await page.getByLabel('Address of n8n').fill(n8n.url);
  await page.getByLabel('API key').fill(n8n.key);
  await page.getByLabel('Repository').fill(REPOSITORY);
  await page.getByLabel('Folder').fill(FOLDER);
  await page.getByLabel("GitHub's API").fill(github.url);
  await page.getByLabel('Token', { exact: true }).fill(github.key);
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await expect(page.locator('[data-banner]')).toHaveAttribute('data-banner', 'IN_SYNC', { timeout: 30_000 });

  for (const name of NAMES) await editInN8n(n8n, name, total('return [];'));
  await page.getByRole('link', { name: 'View Drift' }).click();
  await page.getByRole('button', { name: 'Recheck' }).click();
  await expect(async () => {
    await openIncident(page, 'A real n8n');
    await expect(page.locator('[data-change]')).toHaveCount(NAMES.length, { timeout: 500 });
  }).toPass({ timeout: 60_000 });
  await liveThrough(page, {
    n8n,
    promoted,
    vanished,
    reverted,
    replaced,
    undo: total('return items;'),
    repository: REPOSITORY,
    path: `${FOLDER}/replaced.json`,
    fix: total('return [{ json: { mended: true } }];'),
  });
  const code = async (id: string) => (await call(n8n, 'GET', `workflows/${id}`)).nodes.find((node: any) => node.name === 'Total').parameters.jsCode;
  expect(await Promise.all(ids.map(code))).toEqual(['return [];', 'return [];', 'return items;', 'return [{ json: { mended: true } }];']);
});
