// Tells the click host that its page was opened, and gives the page's links the click id.
// docs/landing-pages.md says what pages can do with it. Served without comments and needless blanks.
(async page => {
  try {
    if (window.trackerIsOn) return;
    window.trackerIsOn = true;

    const script = page.currentScript || page.querySelector('script[src$="/t.js"]');
    const base = new URL(script.src);
    const link = script.dataset.link;
    const query = location.search.slice(1, 4001);
    const came = (/\b(?:cid|click_id)=([\da-f]{48})\b/i.exec(query) || [])[1];
    const read = word => ({granted: true, true: true, denied: false, false: false})[word];
    let consent = read(script.dataset.consent || window.trackerConsent);
    let id, told;

    // Storage may be blocked, full, or hold what is not ours.
    const keep = mayStore => {
      try {
        if (mayStore && consent !== false) localStorage.trackerVisit = JSON.stringify([id, query, Date.now(), told]);
        else localStorage.removeItem('trackerVisit');
      } catch (e) {}
    };

    // The same visit goes on for a day: no advertisement led here since, or this page was loaded anew.
    const recall = () => {
      try {
        const [kept, of, at, before] = JSON.parse(localStorage.trackerVisit);
        const isSame = query === of || !/cl?id=|braid=|utm_|sub/i.test(query);
        if (consent === false) keep();
        else if (isSame && !came && Date.now() - at < 864e5) [id, told] = [kept, before];
      } catch (e) {}
    };

    // Plain text may be posted without asking the click host first.
    const post = async said => {
      try {
        told = said.consent = consent;
        const answer = await fetch(new URL('/t', base), {
          method: 'POST',
          body: JSON.stringify(said),
          keepalive: true,
          credentials: 'omit',
        });
        if (!answer.ok) return;
        said = await answer.json();
        id = said.click_id;
        keep(said.store);
      } catch (e) {}
    };

    const decorate = a => {
      try {
        const known = id || came;
        const go = a.host === base.host && /^\/go\/(\d{0,5})$/.exec(a.pathname);
        if (go && known) a.pathname = `/go/${known}/${go[1]}`;
        // Without an answer yet, the link itself says what the answer would rest on.
        else if (go && link) a.search = `link=${link}&${query}`;
        const name = a.dataset.tracker || 'click_id';
        if (a.dataset.tracker != null && known && !new URL(a.href).searchParams.has(name)) {
          a.search += `${a.search && '&'}${name}=${known}`;
        }
      } catch (e) {}
    };
    const decorateAll = () => (id || came) && page.querySelectorAll('a[href]').forEach(decorate);

    // Links that came later, or whose address the page has set anew.
    const onPress = event => event.composedPath().forEach(node => node.href && decorate(node));
    addEventListener('pointerdown', onPress, true);
    addEventListener('click', onPress, true);
    addEventListener('DOMContentLoaded', decorateAll);

    const ready = (async () => {
      if (page.prerendering) await new Promise(go => page.addEventListener('prerenderingchange', go));
      recall();
      if (!id && (link || came)) {
        const {effectiveType, rtt, downlink} = navigator.connection || {};
        const agent = navigator.userAgentData;
        const device = agent && (await agent.getHighEntropyValues(['model', 'platformVersion']).catch(() => {}));
        await post({
          event: 'open',
          link,
          click_id: came,
          page: location.host + location.pathname,
          query,
          referrer: page.referrer && new URL(page.referrer).hostname,
          language: navigator.language,
          hints: Object.assign({effectiveType, rtt, downlink}, device),
        });
      }
      decorateAll();
    })().catch(() => {});
    const tellConsent = async () => {
      await ready;
      if (id && consent != null && consent !== told) await post({event: 'consent', click_id: id});
    };
    tellConsent();

    addEventListener('appinstalled', async () => {
      await ready;
      if (id) post({event: 'app_installed', click_id: id});
    });

    // A page may have calls waiting; what else it calls tracker is its own.
    const {tracker} = window;
    const waiting = tracker ? tracker.q : [];
    if (!waiting) return;
    window.tracker = async (what, value) => {
      if (what === 'consent') {
        consent = read(value);
        if (consent === false) keep();
        tellConsent();
      } else if (what === 'click_id') {
        await ready;
        value(id || came);
      }
    };
    waiting.forEach(said => window.tracker(...said));
  } catch (e) {}
})(document);
