import { expect, it } from 'vitest';
import { z } from 'zod';
import { type AnyJobs, type Contract, defineJobs } from '../../src/contract/contract.ts';
import { Service } from '../api/service.ts';
import { describeChromium, launchChromium } from '../report/chromium.ts';

const address = z.object({ street: z.string(), town: z.object({ name: z.string(), postcode: z.string() }) });
const contract = defineJobs({
  add: { args: z.tuple([z.object({ a: z.number().describe('The first.'), b: z.number() })]) },
  [`import.${'everything-there-is-'.repeat(8)}`]: {
    args: z.tuple([z.object({ address, ['x'.repeat(80)]: z.int() })]),
  },
}) as Contract as Contract<AnyJobs>;

describeChromium('/docs in a browser', () => {
  it.each([
    [360, 'light'],
    [360, 'dark'],
    [1_200, 'dark'],
  ] as const)('is styled, asks for nothing else, and fits %i px in %s', async (width, colorScheme) => {
    await using service = await Service.start({ client: { contract } });
    const url = await service.api.app.listen({ host: '127.0.0.1', port: 0 });
    const browser = await launchChromium();
    try {
      const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
      const complaints: string[] = [];
      const requests: string[] = [];
      page.on('console', (message) => complaints.push(message.text()));
      page.on('request', (request) => requests.push(request.url()));
      const response = await page.goto(`${url}/docs`);
      expect(response?.status()).toBe(200);
      for (const summary of await page.locator('summary').all())
        await summary.click({ position: { x: 5, y: 5 } });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor');
      expect(ground).toBe(colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(20, 23, 26)');
      await page.locator('nav a', { hasText: '/jobs/add' }).click();
      expect(await page.evaluate('location.hash')).toBe('#push.add');
      expect(complaints).toEqual([]);
      expect(requests.filter((each) => !each.endsWith('/favicon.ico'))).toEqual([`${url}/docs`]);
    } finally {
      await browser.close();
    }
  });
});
