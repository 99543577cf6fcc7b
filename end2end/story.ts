import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import type { Page } from '@playwright/test';
import { commitOnBranch, editInN8n, expect, expectAccessible, expectNoSidewaysScroll, live, type N8n } from './fixtures';

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

const BINARY = resolve(process.env.WORKFLOWOPS_BIN ?? resolve(__dirname, '../target/debug/workflowops'));

/// Where the story takes place: an incident that is open over four hotfixes, and what is done in n8n and in Git.
export type Ground = {
  n8n: string | N8n;
  /// The workflow of each fate, by its name.
  promoted: string;
  vanished: string;
  reverted: string;
  replaced: string;
  /// Takes the hotfix of the one that vanishes back.
  undo: (workflow: any) => void;
  repository: string;
  /// The file of the one that is replaced.
  path: string;
  /// What replaces it.
  fix: (workflow: any) => void;
};

/// One hotfix is promoted, one reverted, one replaced, one vanishes and is put back and promoted; all of it on the incident's
/// page, which the browser is at, and all ends in a receipt.
export async function liveThrough(page: Page, ground: Ground): Promise<void> {
  const incident = page.url();
  await page.locator('#acknowledge').getByLabel('Reason').fill('A long night');
  await page.locator('#acknowledge').getByRole('button', { name: 'Acknowledge' }).click();
  await page.locator('#stabilize').getByLabel('Note').fill('The practice is open');
  await page.getByRole('button', { name: 'Mark as stabilized' }).click();

  // One vanishes: somebody undoes it in n8n before anybody decided.
  await live(page);
  await editInN8n(ground.n8n, ground.vanished, ground.undo);
  await page.getByRole('button', { name: 'Recheck' }).click();
  const vanished = page.locator(`[data-change="${ground.vanished}"]`);
  await expect(vanished).toHaveAttribute('data-state', 'VANISHED');
  await vanished.getByRole('link', { name: ground.vanished }).click();
  await page.getByRole('button', { name: 'Put the n8n side back into n8n' }).click();
  await expect(page.locator('[data-write="N8N"]').first()).toBeVisible();
  await carryOut(page);
  await page.goto(incident);
  await expect(vanished).toHaveAttribute('data-state', 'OPEN');

  // Two are promoted, one is reverted: looked at first, then carried out.
  await choose(page, ground.promoted, /Promote to Git/, 'It is urgent indeed');
  await choose(page, ground.vanished, /Promote to Git/, 'Terse is better');
  await choose(page, ground.reverted, /Revert to Git/, 'Too many for the model');
  await plan(page);
  await expect(page.locator('[data-item]')).toHaveCount(3);
  await expect(page.locator('[data-write="GIT"]')).toHaveCount(2);
  await expect(page.locator('main')).not.toContainText(/pull request/i);
  await expectNoSidewaysScroll(page);
  await carryOut(page);

  // The last is replaced by a commit that is still on its way: it is waited for, and n8n gets the same by hand.
  await page.goto(incident);
  const fix = await commitOnBranch(ground.repository, ground.path, 'Mend it for good', ground.fix);
  await choose(page, ground.replaced, /Replace/, 'By week, for both', fix.commit);
  await plan(page);
  await page.getByRole('button', { name: 'Carry it out' }).click();
  await expect(page.locator('[data-waits]')).toContainText(fix.commit.slice(0, 7));
  await live(page);
  await fix.merge();
  await editInN8n(ground.n8n, ground.replaced, ground.fix);
  await expect(page.locator('.page-head [data-reconciliation]')).toHaveAttribute('data-reconciliation', 'DONE', { timeout: 60_000 });
  await page.goto(incident);
  await page.getByRole('button', { name: 'Recheck' }).click();
  for (const workflow of [ground.promoted, ground.vanished, ground.reverted, ground.replaced]) {
    await expect(page.locator(`[data-change="${workflow}"]`)).toHaveAttribute('data-state', 'DECIDED');
  }
  await expect(page.locator('[data-by-product]').first()).toContainText('WorkflowOps carried it out');
  await page.getByRole('button', { name: 'Mark as reconciled' }).click();
  await page.getByRole('button', { name: 'Close incident' }).click();
  await expect(page.locator('[data-receipt]')).toBeVisible();
  // The receipt says so to whoever has the file alone.
  const file = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download JSON' }).click();
  const verified = execFileSync(BINARY, ['verify-receipt', await (await file).path()], { encoding: 'utf8' });
  expect(verified).toContain('The receipt verifies.');
  await expect(page.locator('[data-reconciliation="DONE"]')).toHaveCount(3);
}
