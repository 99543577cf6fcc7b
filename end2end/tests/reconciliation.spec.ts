import type { Page } from '@playwright/test';
import {
  commitOnBranch,
  editInN8n,
  expect,
  expectAccessible,
  expectNoSidewaysScroll,
  live,
  openIncident,
  signIn,
  test,
} from '../fixtures';

/// Chooses a path on the incident's page.
async function choose(page: Page, workflow: string, path: RegExp, reason: string, replacement?: string): Promise<void> {
  const change = page.locator(`[data-change="${workflow}"]`);
  await change.locator('summary', { hasText: 'Choose' }).first().click();
  await change.getByRole('radio', { name: path }).check();
  if (replacement) await change.getByLabel('What replaces it').fill(replacement);
  await change.getByLabel('Reason').fill(reason);
  await change.getByRole('button', { name: 'Record path' }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('Recorded');
}

/// From the incident to the plan of everything that is ready.
async function plan(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Show what would be written' }).click();
  await expect(page.locator('[data-reconciliation="PLANNED"]')).toBeVisible();
  await expectAccessible(page);
}

async function carryOut(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Carry it out' }).click();
  await expect(page.locator('.page-head [data-reconciliation]')).toHaveAttribute('data-reconciliation', 'DONE', { timeout: 60_000 });
  await expectAccessible(page);
}

test('a hotfix is promoted, one reverted, one replaced, one vanishes and comes back; all end in a receipt', async ({ page }) => {
  test.slow();
  await signIn(page, 'owner@northlight.example');
  await openIncident(page, 'Lumen Dental');
  const incident = page.url();
  await page.locator('#acknowledge').getByLabel('Reason').fill('A long night');
  await page.locator('#acknowledge').getByRole('button', { name: 'Acknowledge' }).click();
  await page.locator('#stabilize').getByLabel('Note').fill('The practice is open');
  await page.getByRole('button', { name: 'Mark as stabilized' }).click();

  // One vanishes: somebody undoes it in n8n before anybody decided.
  await live(page);
  await editInN8n('n8n of Lumen Dental', 'Asana AI Agent', (workflow) => {
    const options = workflow.nodes.find((node: any) => node.name === 'AI Agent').parameters.options;
    options.systemMessage = options.systemMessage.replace('a terse assistant', 'a helpful assistant');
  });
  await page.getByRole('button', { name: 'Recheck' }).click();
  const vanished = page.locator('[data-change="Asana AI Agent"]');
  await expect(vanished).toHaveAttribute('data-state', 'VANISHED');
  await vanished.getByRole('link', { name: 'Asana AI Agent' }).click();
  await page.getByRole('button', { name: 'Put the n8n side back into n8n' }).click();
  await expect(page.locator('[data-write="N8N"]').first()).toBeVisible();
  await carryOut(page);
  await page.goto(incident);
  await expect(vanished).toHaveAttribute('data-state', 'OPEN');

  // Two are promoted, one is reverted: looked at first, then carried out.
  await choose(page, 'Post Message to Slack', /Promote to Git/, 'It is urgent indeed');
  await choose(page, 'Asana AI Agent', /Promote to Git/, 'Terse is better');
  await choose(page, 'Summarize Slack Conversation', /Revert to Git/, 'Too many for the model');
  await plan(page);
  await expect(page.locator('[data-item]')).toHaveCount(3);
  await expect(page.locator('[data-write="GIT"]')).toHaveCount(2);
  await expect(page.locator('main')).not.toContainText(/pull request/i);
  await expectNoSidewaysScroll(page);
  await carryOut(page);

  // The last is replaced by a commit that is still on its way: it is waited for, and n8n gets the same by hand.
  await page.goto(incident);
  const byWeek = (workflow: any) => {
    workflow.nodes.find((node: any) => node.name === 'Google Drive').parameters.name = "=Week {{ $now.toFormat('W') }}";
  };
  const fix = await commitOnBranch('northlight/lumen-dental', 'workflows/google-doc.json', 'Name documents by week', byWeek);
  await choose(page, 'Create Google Doc', /Replace/, 'By week, for both', fix.commit);
  await plan(page);
  await page.getByRole('button', { name: 'Carry it out' }).click();
  await expect(page.locator('[data-waits]')).toContainText(fix.commit.slice(0, 7));
  await live(page);
  await fix.merge();
  await editInN8n('n8n of Lumen Dental', 'Create Google Doc', byWeek);
  await expect(page.locator('.page-head [data-reconciliation]')).toHaveAttribute('data-reconciliation', 'DONE', { timeout: 60_000 });
  await page.goto(incident);
  await page.getByRole('button', { name: 'Recheck' }).click();
  for (const workflow of ['Post Message to Slack', 'Asana AI Agent', 'Summarize Slack Conversation', 'Create Google Doc']) {
    await expect(page.locator(`[data-change="${workflow}"]`)).toHaveAttribute('data-state', 'DECIDED');
  }
  await expect(page.locator('[data-by-product]').first()).toContainText('WorkflowOps carried it out');
  await page.getByRole('button', { name: 'Mark as reconciled' }).click();
  await page.getByRole('button', { name: 'Close incident' }).click();
  await expect(page.locator('[data-receipt]')).toBeVisible();
  await expect(page.locator('[data-reconciliation="DONE"]')).toHaveCount(3);
});

for (const scheme of ['light', 'dark'] as const) {
  for (const width of [1280, 375]) {
    test.describe(`${scheme}, ${width} wide`, () => {
      test.use({ colorScheme: scheme, viewport: { width, height: 812 } });

      test('a side can be put back from the workspace, and looking writes nothing', async ({ page }) => {
        await signIn(page, 'operator@northlight.example');
        await openIncident(page, 'Northlight Production');
        await page.locator('a.inc-workflow').first().click();
        await page.locator('#put-back > summary').click();
        await expectAccessible(page);
        await page.getByRole('button', { name: 'Put the Git side back into n8n' }).click();
        await expect(page.locator('[data-reconciliation="PLANNED"]')).toBeVisible();
        await expectAccessible(page);
        await expectNoSidewaysScroll(page);
      });
    });
  }
}

test('a viewer sees a plan and is offered nothing', async ({ page, browser }) => {
  await signIn(page, 'owner@northlight.example');
  await openIncident(page, 'Northlight Production');
  await page.locator('a.inc-workflow').first().click();
  await page.locator('#put-back > summary').click();
  await page.getByRole('button', { name: 'Put the Git side back into n8n' }).click();
  await expect(page.locator('[data-reconciliation="PLANNED"]')).toBeVisible();
  const viewer = await (await browser.newContext()).newPage();
  await signIn(viewer, 'viewer@northlight.example');
  await viewer.goto(page.url());
  await expect(viewer.locator('[data-reconciliation="PLANNED"]')).toBeVisible();
  await expect(viewer.locator('main form[method="post"]')).toHaveCount(0);
});
