import { expect, signIn, test } from '../fixtures';

// The seed's phase 3: drift has one badge and one banner outside its workspace, one way in, and no second wording.
const WORKSPACE = [/^\/environments\/[^/]+\/drift/, /^\/incidents/];
const BADGES = ['In Sync', 'Drift Detected', 'Incident Active', 'Unverified'];
const SECOND_WORDINGS = /out[- ]of[- ]sync|\bdiverge|\bdesync|\bunsynced|mismatch|\bin conflict\b/i;
/// Addresses that differ in their query alone, at most.
const QUERIES = 4;

const PLANS: [string, string, number][] = [
  ['Free', 'owner@solo.example', 3],
  ['Pro', 'owner@kettle.example', 15],
  ['Agency', 'owner@northlight.example', 40],
  ['Enterprise', 'owner@meridian.example', 10],
];

for (const [plan, owner, least] of PLANS) {
  test(`${plan}: every page leads somewhere, and drift is in one place`, async ({ page }) => {
    test.slow();
    await signIn(page, owner);
    const seen = new Map<string, number>();
    const known = new Set(['/']);
    const waiting = ['/'];
    const complaints: string[] = [];
    let pages = 0;
    for (let address = waiting.shift(); address !== undefined; address = waiting.shift()) {
      const answer = await page.request.get(address);
      if (answer.status() >= 400) complaints.push(`${address}: ${answer.status()}`);
      if (!answer.headers()['content-type']?.startsWith('text/html')) continue;
      pages += 1;
      const found = await page.evaluate((html) => {
        const drawn = new DOMParser().parseFromString(html, 'text/html');
        const all = (selector: string) => [...drawn.querySelectorAll(selector)];
        const main = drawn.querySelector('main');
        return {
          links: all('a[href]').map((link) => link.getAttribute('href') ?? ''),
          badges: all('[data-badge]').map((badge) => badge.textContent?.trim() ?? ''),
          banners: all('[data-banner]').length,
          views: all('main a').filter((link) => link.textContent?.includes('View Drift')).length,
          deep: all('[data-side], [data-path], [data-change], [data-artifact], tr[data-state]').length,
          actions: all('main form[method="post"]')
            .map((form) => form.getAttribute('action') ?? '')
            .filter((action) => /\/drift|\/incidents|\/override|\/recheck/.test(action)),
          text: main?.textContent ?? '',
        };
      }, await answer.text());
      const path = address.split('?')[0];
      const isDrift = WORKSPACE.some((place) => place.test(path));
      const isEnvironment = /^\/environments\/[0-9a-f-]{36}$/.test(path);
      for (const badge of found.badges) if (!BADGES.includes(badge)) complaints.push(`${address}: a badge says ${badge}`);
      const wording = found.text.match(SECOND_WORDINGS);
      if (wording && !isDrift) complaints.push(`${address}: a second wording: ${wording[0]}`);
      if (isEnvironment && (found.banners !== 1 || found.views !== 1)) complaints.push(`${address}: ${found.banners} banners`);
      if (!isEnvironment && found.banners) complaints.push(`${address}: a banner`);
      if (!isDrift && found.deep) complaints.push(`${address}: opens drift`);
      if (!isDrift && found.actions.length) complaints.push(`${address}: acts on drift: ${found.actions}`);
      for (const link of found.links) {
        const to = new URL(link, new URL(address, 'http://here'));
        if (to.host !== 'here' || to.pathname.startsWith('/api/') || to.pathname.startsWith('/pkg/')) continue;
        const next = to.pathname + to.search;
        const queries = seen.get(to.pathname) ?? 0;
        if (known.has(next) || queries >= QUERIES) continue;
        seen.set(to.pathname, queries + 1);
        known.add(next);
        waiting.push(next);
      }
    }
    expect(complaints).toEqual([]);
    expect(pages).toBeGreaterThanOrEqual(least);
  });
}
