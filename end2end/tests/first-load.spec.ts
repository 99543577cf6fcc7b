import { expect, signIn, test } from '../fixtures';

/// What somebody loads who opens the list for the first time: the page, its styles, its scripts and its wasm, compressed as
/// they travel. Fonts and the icon are not counted: the page is complete without them.
const BUDGET_KB = 200;

test('the first load of the list stays within its budget', async ({ page, browser, baseURL }) => {
  await signIn(page, 'owner@northlight.example');
  // The same person, in a browser that has nothing of the site yet.
  const fresh = await browser.newContext({ baseURL, storageState: await page.context().storageState() });
  const first = await fresh.newPage();
  const sizes: Promise<{ path: string; encoding?: string; bytes: number }>[] = [];
  first.on('requestfinished', (request) => {
    const { pathname } = new URL(request.url());
    if (!/^\/$|\.(css|js|wasm)$/.test(pathname)) return;
    sizes.push(
      (async () => {
        const headers = (await request.response())!.headers();
        return { path: pathname, encoding: headers['content-encoding'], bytes: (await request.sizes()).responseBodySize };
      })(),
    );
  });
  await first.goto('/', { waitUntil: 'load' });
  await expect(first.locator('.live-dot')).toHaveAttribute('data-state', 'live');
  const loaded = await Promise.all(sizes);
  const total = loaded.reduce((sum, file) => sum + file.bytes, 0) / 1000;
  console.log(`first load of the list: ${total.toFixed(1)} kB of ${BUDGET_KB} kB: ${loaded.map((f) => `${f.path} ${f.bytes}`).join(', ')}`);
  for (const kind of [/^\/$/, /\.css$/, /\.js$/, /\.wasm$/]) {
    const of = loaded.filter((file) => kind.test(file.path));
    expect(of, `${kind}`).not.toEqual([]);
    expect(of.filter((file) => file.encoding !== 'br'), `${kind} travels compressed`).toEqual([]);
    expect(of.filter((file) => file.bytes === 0), `${kind} was loaded`).toEqual([]);
  }
  expect(total).toBeLessThan(BUDGET_KB);
  await fresh.close();
});
