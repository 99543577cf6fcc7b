import { editInN8n, expect, live, openIncident, signIn, test } from '../fixtures';

test('Agency: the whole lifecycle, by two people who see each other, and a stale click is refused', async ({ page, browser }) => {
  test.slow();
  await signIn(page, 'owner@northlight.example');
  await openIncident(page, 'Cedar Foods');
  await live(page);
  await expect(page.locator('.timeline')).toContainText('polic');
  const address = page.url();

  // Ben looks at the same incident, in one window that follows and in one whose stream is down.
  const ben = await browser.newContext();
  const follows = await ben.newPage();
  await signIn(follows, 'operator@northlight.example');
  await follows.goto(address);
  await live(follows);
  await follows.getByLabel('Comment', { exact: true }).fill('half a thought');
  const lags = await ben.newPage();
  await lags.route('**/events', (route) => route.abort());

  await page.locator('#acknowledge').getByLabel('Reason').fill('Everything became urgent at noon');
  await page.locator('#acknowledge').getByRole('button', { name: 'Acknowledge' }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('Acknowledged');
  await expect(follows.locator('.inc-head [data-status]')).toHaveAttribute('data-status', 'ACKNOWLEDGED');
  await expect(follows.getByLabel('Comment', { exact: true })).toHaveValue('half a thought');
  await follows.getByLabel('Comment', { exact: true }).fill('@Mara Lindqvist I can undo it now');
  await follows.getByRole('button', { name: 'Comment', exact: true }).click();
  await expect(page.locator('.timeline .mention')).toHaveText('@Mara Lindqvist');

  await lags.goto(address);
  await page.locator('#stabilize').getByLabel('Note').fill('The client knows');
  await page.getByRole('button', { name: 'Mark as stabilized' }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('Stabilized');
  await lags.locator('#stabilize').getByLabel('Note').fill('I typed this for a long time');
  await lags.getByRole('button', { name: 'Mark as stabilized' }).click();
  await expect(lags.getByRole('alert')).toContainText('changed since you looked at it');
  await expect(lags.getByRole('alert')).toContainText('Meanwhile');
  await expect(lags.getByLabel('What you had written')).toHaveValue('I typed this for a long time');
  await lags.close();

  const properties = page.locator('#properties');
  await properties.locator('summary', { hasText: 'Adjust' }).click();
  await properties.getByLabel('Severity').selectOption('LOW');
  await properties.getByRole('textbox', { name: 'Reason' }).fill('Only the wording of messages');
  await properties.getByRole('button', { name: 'Save severity' }).click();
  await expect(page.locator('.inc-facts')).toContainText('Low');
  await properties.locator('summary', { hasText: 'Change' }).last().click();
  await properties.getByLabel('Web address or key').fill('https://tracker.example/browse/OPS-7');
  await properties.getByRole('button', { name: 'Save ticket' }).click();
  await expect(page.locator('.inc-facts').getByRole('link')).toHaveAttribute('href', 'https://tracker.example/browse/OPS-7');
  await properties.locator('summary', { hasText: 'Change' }).first().click();
  await properties.getByLabel('Owner').selectOption({ label: 'Ben Okafor' });
  await properties.getByRole('button', { name: 'Save owner' }).click();
  await expect(page.locator('[data-owner]')).toHaveText('Ben Okafor');
  await expect(follows.locator('[data-owner]')).toHaveText('Ben Okafor');

  const change = page.locator('[data-change="Post Message to Slack"]');
  await change.getByText('Choose a path').click();
  await change.getByRole('radio', { name: /Promote to Git/ }).check();
  await change.getByLabel('Reason').fill('Perhaps it should stay');
  await change.getByRole('button', { name: 'Record path' }).click();
  await expect(change.locator('[data-artifact="PROMOTE"]')).toHaveAttribute('data-artifact-state', 'PENDING');
  await change.getByText('Choose another path').click();
  await change.getByRole('radio', { name: /Revert to Git/ }).check();
  await change.getByLabel('Reason').fill('No: the client wants it as it was');
  await change.getByRole('button', { name: 'Record path' }).click();
  await expect(change.locator('[data-artifact="REVERT"]')).toHaveAttribute('data-artifact-state', 'PENDING');
  await change.getByText('1 earlier path').click();
  await expect(change.locator('[data-artifact="PROMOTE"]')).toHaveAttribute('data-artifact-state', 'FAILED');

  await editInN8n('n8n of Cedar Foods', 'Post Message to Slack', (workflow) => {
    workflow.nodes.find((node: any) => node.name === 'Slack').parameters.text = '={{ $json.body.message }}';
  });
  await page.getByRole('button', { name: 'Recheck' }).click();
  await expect(change.locator('[data-artifact="REVERT"]')).toHaveAttribute('data-artifact-state', 'SUCCESS');
  await page.getByRole('button', { name: 'Mark as reconciled' }).click();
  await page.getByRole('button', { name: 'Close incident' }).click();
  await expect(page.locator('[data-receipt]')).toBeVisible();
  await expect(follows.locator('[data-receipt]')).toBeVisible();
  await ben.close();
});

test('the list filters in the address', async ({ page }) => {
  await signIn(page, 'owner@northlight.example');
  await page.goto('/incidents?status=STABILIZED');
  // Other tests lead incidents of theirs through this status, too.
  await expect(page.locator('tr[data-incident]', { hasText: 'Harbor Hotel' })).toHaveCount(1);
  await expect(page.locator('tr[data-incident] [data-status]:not([data-status="STABILIZED"])')).toHaveCount(0);
  await expect(async () => {
    await page.getByLabel('Status').selectOption('CLOSED');
    await expect(page).toHaveURL(/status=CLOSED/, { timeout: 2_000 });
  }).toPass();
  await expect(page.locator('tr[data-incident]', { hasText: 'Northlight Staging' })).toHaveCount(1);
  await page.goto('/incidents?owner=mine&severity=LOW&status=DETECTED');
  await expect(page.getByText('No incident matches')).toBeVisible();
});

test('a viewer reads everything and is offered nothing', async ({ page }) => {
  await signIn(page, 'viewer@northlight.example');
  await openIncident(page, 'Bright Labs');
  // What somebody has looked at is their own to tick; nothing else is theirs.
  await expect(page.locator('main form[method="post"]:not([action$="/viewed"])')).toHaveCount(0);
  await expect(page.locator('[data-refused="STABILIZE"]')).toContainText('needs the role');
});
