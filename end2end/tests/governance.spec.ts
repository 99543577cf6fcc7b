import type { Browser, Page } from '@playwright/test';
import { editInN8n, expect, expectAccessible, expectNoSidewaysScroll, open, openIncident, signIn, standIn, test } from '../fixtures';

test.use({ allowed: [/status of 4(0[23]|22)/] });

/// Another person, at a browser of their own.
async function as(browser: Browser, email: string): Promise<Page> {
  const page = await (await browser.newContext({ baseURL: process.env.WORKFLOWOPS_URL })).newPage();
  await signIn(page, email);
  return page;
}

/// Disables the first node of a workflow in n8n.
async function hotfix(n8n: string): Promise<void> {
  const { url, key } = standIn(n8n);
  const list = await (await fetch(`${url}/api/v1/workflows?limit=100`, { headers: { 'X-N8N-API-KEY': key } })).json();
  await editInN8n(n8n, list.data[0].name, (workflow) => {
    workflow.nodes.find((node: any) => !node.disabled && !/trigger|webhook/i.test(node.type)).disabled = true;
  });
}

const said = (page: Page) => page.locator('[data-said="good"]');

test('Enterprise: a template is applied, an acknowledgement asked for and approved, more time refused and granted, an emergency deployed, and the closing approved', async ({ page, browser }) => {
  test.slow();
  await signIn(page, 'owner@meridian.example');
  await page.getByRole('button', { name: /^Account of/ }).click();
  await page.getByRole('link', { name: 'Policies', exact: true }).click();
  await expectAccessible(page);
  await page.getByRole('link', { name: 'Strict production' }).click();
  await page.getByLabel('Name').fill('Strict for operations');
  await page.getByRole('button', { name: 'Try it on the past' }).click();
  await expect(page.locator('[data-trial]')).toContainText('looked at');
  await expect(page.getByLabel('Name')).toHaveValue('Strict for operations');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Save the policy' }).click();
  await expect(said(page)).toContainText('holds nowhere until you say where');
  await page.getByRole('link', { name: 'Policies', exact: true }).first().click();
  const target = page.locator('[data-target]').filter({ hasText: 'Operations (Production)' });
  await target.getByRole('combobox').selectOption({ label: 'Strict for operations' });
  await target.getByRole('button', { name: 'Save' }).click();
  await expect(said(page)).toContainText('It holds from now on');

  // A hotfix in n8n, which opens its incident by itself.
  await hotfix('n8n of Operations');
  await open(page, 'Operations');
  const environment = page.url();
  await page.goto(`${environment}/drift`);
  await page.getByRole('button', { name: 'Recheck' }).first().click();
  await page.goto(environment);
  await expect(page.locator('[data-banner]')).toHaveAttribute('data-banner', 'INCIDENT_ACTIVE');

  const operator = await as(browser, 'operator@meridian.example');
  await openIncident(operator, 'Operations');
  const incident = operator.url();
  await expect(operator.locator('#acknowledge [data-takes]')).toContainText('takes the approval of an approver');
  await operator.locator('#acknowledge').getByLabel('Reason').fill('The alarm rang');
  await operator.locator('#acknowledge').getByRole('button', { name: 'Acknowledge' }).click();
  await expect(said(operator)).toContainText('takes the approval of others');
  await expect(operator.locator('#asked [data-approval-state]')).toHaveAttribute('data-approval-state', 'PENDING');
  await expect(operator.locator('#asked').getByRole('button', { name: 'Approve' })).toHaveCount(0);
  await expect(operator.locator('#asked').getByRole('button', { name: 'Take it back' })).toBeVisible();
  await expect(operator.locator('.inc-head [data-status]')).toHaveAttribute('data-status', 'DETECTED');

  const approver = await as(browser, 'approver@meridian.example');
  await approver.getByRole('button', { name: /^Account of/ }).click();
  await approver.getByRole('link', { name: 'Approvals' }).click();
  await expectAccessible(approver);
  const request = approver.locator('#for-you [data-approval]').filter({ hasText: 'acknowledge the incident' });
  await expect(request).toContainText('The alarm rang');
  await request.getByLabel('Note (may be left out)').fill('Go on');
  await request.getByRole('button', { name: 'Approve' }).click();
  await expect(said(approver)).toContainText('Approved, and carried out');

  await operator.goto(incident);
  await expect(operator.locator('.inc-head [data-status]')).toHaveAttribute('data-status', 'ACKNOWLEDGED');
  await expect(operator.locator('[data-owner]')).toHaveText('Tom Reuter');
  await expect(operator.locator('.timeline')).toContainText('Ada Nowak approved');

  // More time is nothing that an operator gives.
  await expect(operator.locator('#properties')).toContainText('Incidents are extended by approvers');
  await approver.goto(incident);
  await approver.locator('[data-time] summary', { hasText: 'Extend' }).click();
  await approver.locator('[data-time]').getByLabel('Hours').fill('2');
  await approver.locator('[data-time]').getByLabel('Reason').fill('The vendor looks at it');
  await approver.locator('[data-time]').getByRole('button', { name: 'Extend' }).click();
  await expect(said(approver)).toContainText('has more time');

  // An emergency deployment takes the hotfix away, on the record.
  await approver.getByRole('link', { name: 'Deployments' }).click();
  await approver.getByRole('radio', { name: 'Emergency' }).check();
  await approver.getByRole('textbox', { name: 'Reason' }).fill('The node has to run');
  await approver.getByRole('button', { name: 'See what it would write' }).click();
  await approver.getByRole('button', { name: 'Deploy', exact: true }).click();
  await expect(approver.locator('[data-reconciliation]')).toHaveAttribute('data-reconciliation', 'DONE', { timeout: 30_000 });

  await approver.goto(incident);
  await expect(approver.locator('[data-change]').first()).toHaveAttribute('data-state', 'DECIDED', { timeout: 30_000 });
  await approver.locator('#stabilize').getByRole('button').click();
  await expect(said(approver)).toContainText('Stabilized');
  await approver.getByRole('button', { name: 'Mark as reconciled' }).click();
  await expect(said(approver)).toContainText('Reconciled');
  await approver.getByRole('button', { name: 'Close incident' }).click();
  await expect(said(approver)).toContainText('takes the approval of others');
  await expect(approver.locator('[data-receipt]')).toHaveCount(0);

  await page.goto(incident);
  await page.locator('#asked').getByRole('button', { name: 'Approve' }).click();
  await expect(said(page)).toContainText('Approved, and carried out');
  await expect(page.locator('[data-receipt]')).toBeVisible({ timeout: 30_000 });
  await expect(page.locator('.inc-head [data-status]')).toHaveAttribute('data-status', 'CLOSED');

  await page.goto('/overview');
  const row = page.locator('tr[data-environment="Operations"]');
  await expect(row).toContainText('Strict for operations');
  await expect(row.locator('[data-exceptions]')).toContainText('1 extension, 1 emergency deployment');
  await expectAccessible(page);

  await page.goto('/audit?action=APPROVAL_DONE');
  await expect(page.locator('tr[data-action="APPROVAL_DONE"]')).toHaveCount(2);
});

test('a policy that would hide drift, or strand an incident, is not kept and says why', async ({ page }) => {
  await signIn(page, 'owner@meridian.example');
  await page.goto('/settings/policies/new?from=text');
  await page.getByLabel('Name').fill('Quiet');
  const hides = '@title("Quiet") @instead("-") forbid (principal, action == Action::"detect", resource);';
  await page.getByRole('textbox', { name: 'Rules' }).fill(hides);
  await page.getByRole('button', { name: 'Save the policy' }).click();
  await expect(page.locator('#text-error')).toContainText('nothing that a policy decides on');
  await expect(page.getByRole('textbox', { name: 'Rules' })).toHaveValue(hides);
  await page.getByRole('textbox', { name: 'Rules' }).fill(hides.replace('detect', 'close'));
  await page.getByRole('button', { name: 'Try it on the past' }).click();
  await expect(page.locator('#text-error')).toContainText('would leave nobody who may do this');
  await page.goto('/settings/policies');
  await expect(page.getByRole('link', { name: 'Quiet' })).toHaveCount(0);
});

test('who may not write policies is refused', async ({ page }) => {
  await signIn(page, 'operator@meridian.example');
  await page.goto('/settings/policies');
  await expect(page.getByRole('heading', { name: 'Where they hold' })).toHaveCount(0);
});

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`${colorScheme}, 375 wide, without scripts`, () => {
    test.use({ javaScriptEnabled: false, viewport: { width: 375, height: 812 }, colorScheme });

    test('policies and approvals are read without scrolling sideways', async ({ page }) => {
      await signIn(page, 'owner@meridian.example');
      for (const address of ['/overview', '/settings/policies', '/settings/policies/new?from=STRICT_PRODUCTION', '/settings/policies/new?from=text', '/approvals']) {
        await page.goto(address);
        await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
        await expectNoSidewaysScroll(page);
      }
    });
  });
}
