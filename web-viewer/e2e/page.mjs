// What the checks ask of the page.

/** Before the page's own code: notes layout shifts, what the address was when each socket opened, the newest connection. */
export const NOTES = () => {
  window.notes = { shift: 0, shifted: [], sockets: [] };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) {
        window.notes.shift += entry.value;
        window.notes.shifted.push(...entry.sources.map((s) => (s.node?.className ?? s.node?.nodeName) + ' ' + JSON.stringify([s.previousRect, s.currentRect])));
      }
  }).observe({ type: 'layout-shift', buffered: true });
  const { RTCPeerConnection, WebSocket } = window;
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(config) {
      super(config);
      window.notes.connection = this;
    }
  };
  window.WebSocket = class extends WebSocket {
    constructor(url) {
      window.notes.sockets.push({ url, href: location.href });
      super(url);
    }
  };
};

/** Screen readers' view of the page as text. */
export async function accessibleText(page) {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  await session.detach();
  return nodes.filter((n) => !n.ignored).flatMap((n) => [n.name?.value, n.description?.value, n.value?.value]).filter(Boolean).join('\n');
}

export const live = (page) => page.evaluate(() => /\b(Live|En direct) · \d/.test(document.querySelector('.badge')?.textContent ?? ''));

export const pictureAt = (page) => page.evaluate(() => performance.getEntriesByName('first-picture')[0]?.startTime);

/** The newest frame's RTP timestamp. */
export const frameRtp = (page) => page.evaluate(() => new Promise((resolve) => {
  const video = document.querySelector('video');
  video?.requestVideoFrameCallback((_, meta) => resolve(meta.rtpTimestamp));
  setTimeout(() => resolve(undefined), 1_500);
}));
