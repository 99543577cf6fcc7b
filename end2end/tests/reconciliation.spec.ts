import { expect, expectAccessible, expectNoSidewaysScroll, openIncident, signIn, test } from '../fixtures';
import { liveThrough } from '../story';

test('a hotfix is promoted, one reverted, one replaced, one vanishes and comes back; all end in a receipt', async ({ page }) => {
  test.slow();
  await signIn(page, 'owner@northlight.example');
  await openIncident(page, 'Lumen Dental');
  await liveThrough(page, {
    n8n: 'n8n of Lumen Dental',
    promoted: 'Post Message to Slack',
    vanished: 'Asana AI Agent',
    reverted: 'Summarize Slack Conversation',
    replaced: 'Create Google Doc',
    undo: (workflow) => {
      const options = workflow.nodes.find((node: any) => node.name === 'AI Agent').parameters.options;
      options.systemMessage = options.systemMessage.replace('a terse assistant', 'a helpful assistant');
    },
    repository: 'northlight/lumen-dental',
    path: 'workflows/google-doc.json',
    fix: (workflow) => {
      workflow.nodes.find((node: any) => node.name === 'Google Drive').parameters.name = "=Week {{ $now.toFormat('W') }}";
    },
  });
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
