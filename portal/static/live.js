// Looks again at what the page shows of something under way, for as long as it is, and puts it in the
// place of what was shown. What the server wrote is HTML of its templates; nothing of it is a script.
// A look of this script does not keep the session alive: without a click it ends as any other.
const part = () => document.getElementById("live");
const still = document.getElementById("still");

const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));
const atEnd = log => log && log.scrollHeight - log.scrollTop - log.clientHeight < 8;

for (let failures = 0; part()?.dataset.every && failures < 5;) {
  await pause(part().dataset.every * (1 + failures));
  if (document.hidden) continue;
  try {
    const answer = await fetch(location.href, { headers: { "Rempart-Live": "1" }, credentials: "same-origin", redirect: "error" });
    const next = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
    if (!answer.ok || !next) throw new Error(answer.status);
    const old = part().querySelector(".log"), follow = atEnd(old), top = old?.scrollTop ?? 0, focus = document.activeElement === old;
    if (next.innerHTML !== part().innerHTML) part().replaceWith(document.adoptNode(next));
    const log = part().querySelector(".log");
    if (log) log.scrollTop = follow || !old ? log.scrollHeight : top;
    if (log && focus) log.focus({ preventScroll: true });
    failures = 0;
  } catch {
    failures++;
  }
  if (failures === 5) still.hidden = false;
}
