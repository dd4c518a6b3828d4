//! What people do with the app, step by step.

use anyhow::{Context, Result, ensure};

use super::Server;
use super::driver::Driver;

mod files;

pub(crate) type Scene = fn(&mut Driver, &mut Server) -> Result<()>;

pub(crate) const ALL: &[(&str, Scene)] = &[
    ("a first question", first_question),
    ("stop, again, edit, branch", versions),
    ("several samples", several),
    ("a loop", circles),
    ("reload and kill in mid-answer", comes_back),
    ("history", history),
    ("a search", search),
    ("two pages", two_pages),
    ("a file", files::file),
    ("files that are not read", files::unread),
    ("a long question", long_question),
    ("hostile text", hostile),
    ("formatted text", formatted),
    ("models", models),
    ("pages and settings", pages),
    ("keyboard", keyboard),
    ("a crowded question", files::crowded),
    ("an edit during an answer", edit_stays),
    ("an answer without words", wordless),
    ("without a server", offline),
    ("a server that hangs", hangs),
    ("a key", key),
    ("a finger", finger),
    ("on paper", paper),
];

const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const TAB: &str = "\u{e004}";
/// True once no answer is being written.
const QUIET: &str = "!document.querySelector('[aria-busy=true], .halt') && !!document.querySelector('.foot .figures')";

fn ask(browser: &Driver, question: &str) -> Result<()> {
    browser.keys("#question", question)?;
    send(browser)
}

/// Sends what is in the box. On a phone Enter breaks the line.
fn send(browser: &Driver) -> Result<()> {
    if browser.screen.is_phone() {
        browser.click("#send")?;
    } else {
        browser.keys("#question", ENTER)?;
    }
    browser.until("document.querySelector('#question').value === ''")
}

fn last_answer(browser: &Driver) -> Result<String> {
    browser.text("[...document.querySelectorAll('.sample:not([hidden]) .answer')].at(-1).innerText")
}

fn new_chat(browser: &Driver) -> Result<()> {
    browser.go("/")
}

fn first_question(browser: &mut Driver, _: &mut Server) -> Result<()> {
    new_chat(browser)?;
    browser.picture("welcome")?;
    browser.click(".example")?;
    browser.until("!!document.querySelector('.thought .block')")?;
    browser.picture("thinking")?;
    browser.holds("[...document.querySelectorAll('h1')].some((h) => h.textContent && h.checkVisibility())")?;
    browser.until(QUIET)?;
    browser.picture("answer")?;
    ensure!(last_answer(browser)?.contains("935"), "347 + 588 is {}", last_answer(browser)?);
    browser.holds("location.pathname.startsWith('/c/')")?;
    browser.holds("/Thought for .* tokens/.test(document.querySelector('.headline').textContent)")?;
    browser.holds("/tokens.s · .*\\$/.test(document.querySelector('.figures').textContent)")?;
    // Nothing is wider than the window.
    browser.holds("document.documentElement.scrollWidth <= innerWidth")
}

fn versions(browser: &mut Driver, _: &mut Server) -> Result<()> {
    new_chat(browser)?;
    ask(browser, "count forever")?;
    browser.until("!!document.querySelector('.thought .block')")?;
    browser.click("#send")?;
    browser.until("!document.querySelector('[aria-busy=true], .halt')")?;
    browser.holds("document.querySelector('.notes').innerText.includes('Stopped')")?;
    // A second press is none.
    browser.js(
        "(() => { const b = document.querySelector(\"[aria-label='Another answer']\"); b.click(); b.click(); })()",
    )?;
    browser.until("document.querySelector('[aria-busy=true] .thought')?.innerText.length > 40")?;
    browser.holds("/^[0-9]+ . [0-9,]+$/.test(document.querySelector('[aria-busy=true] .used').textContent)")?;
    browser.picture("budget")?;
    // Folding the thinking leaves the control.
    browser.click("[aria-busy=true] .fold")?;
    browser.holds("!document.querySelector('[aria-busy=true] .thought-box').checkVisibility()")?;
    browser.click("[aria-busy=true] .answer-now")?;
    browser.until(QUIET)?;
    ensure!(last_answer(browser)?.contains("far enough"));
    browser.holds("document.querySelector('.headline').textContent.includes('ended by you')")?;
    browser.holds("document.querySelector('.versions').textContent === '2 / 2'")?;
    browser.holds("document.querySelector('#status').textContent.includes('far enough')")?;
    browser.click(".figures summary")?;
    browser.holds("document.querySelector('.figures').innerText.includes('first token after')")?;
    browser.click("[aria-label='Earlier version']")?;
    browser.until("document.querySelector('.notes').innerText.includes('Stopped')")?;
    browser.holds("document.activeElement.closest('.turn') !== null")?;
    browser.js("document.querySelector('[aria-label=Edit]').click()")?;
    browser.picture("edit")?;
    browser.js("(() => { const a = document.querySelector('.edit textarea'); a.value = '12 + 30'; })()")?;
    browser.click(".edit .primary")?;
    browser.until("!document.querySelector('.edit')")?;
    browser.until(QUIET)?;
    ensure!(last_answer(browser)?.contains("42"));
    browser.holds("document.querySelector('.of-question .versions').textContent === '2 / 2'")?;
    browser.picture("branch")
}

fn several(browser: &mut Driver, _: &mut Server) -> Result<()> {
    new_chat(browser)?;
    browser.click("#options")?;
    browser.until("!!document.querySelector('.options')")?;
    browser.picture("options")?;
    browser.holds("document.activeElement.closest('.options') !== null")?;
    browser.js("[...document.querySelectorAll('.choice button')].find((b) => b.textContent === '3×').click()")?;
    browser.keys(".options", ESCAPE).or_else(|_| browser.click("#options"))?;
    ask(browser, "47 * 86 =")?;
    browser.until(QUIET)?;
    browser.until("!document.querySelector('.verdict').hidden")?;
    browser.holds("document.querySelectorAll('.tab').length === 3")?;
    browser.holds("!document.querySelector('.thought-box').checkVisibility()")?;
    browser.holds("document.querySelector('.verdict').textContent === '3 of 3 say 4042'")?;
    browser.picture("samples")
}

fn circles(browser: &mut Driver, _: &mut Server) -> Result<()> {
    new_chat(browser)?;
    ask(browser, "think in circles")?;
    browser.until(QUIET)?;
    browser.holds("document.querySelector('.sign').textContent.includes('in circles')")?;
    ensure!(last_answer(browser)?.contains("in circles"));
    browser.picture("loop")
}

fn comes_back(browser: &mut Driver, server: &mut Server) -> Result<()> {
    new_chat(browser)?;
    ask(browser, "347 + 588")?;
    browser.until(QUIET)?;
    ask(browser, "count forever")?;
    browser.until("[...document.querySelectorAll('.thought')].at(-1).innerText.length > 200")?;
    let path = browser.text("location.pathname")?;
    browser.go(&path)?;
    browser.holds("!document.querySelector('.more')")?;
    browser.until("[...document.querySelectorAll('.thought')].at(-1).innerText.length > 400")?;
    browser.holds("!!document.querySelector('[aria-busy=true]')")?;
    browser.picture("reloaded")?;
    // The server is killed in the middle of the answer, and comes back.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    server.kill();
    browser.until("!document.querySelector('#lost').hidden")?;
    browser.picture("lost")?;
    // What was typed meanwhile is kept.
    browser.keys("#question", "12 + 30")?;
    server.start(3)?;
    browser.until("document.querySelector('#lost').hidden")?;
    browser.until("document.body.innerText.includes('Interrupted')")?;
    browser.holds("document.querySelector('#question').value === '12 + 30'")?;
    browser.go(&path)?;
    browser.holds("document.querySelector('.answer').innerText.includes('935')")?;
    browser.holds("[...document.querySelectorAll('.thought')].at(-1).innerText.length > 400")?;
    browser.picture("interrupted")?;
    browser.holds("document.querySelector('#question').value === '12 + 30'")?;
    send(browser)?;
    browser.until(QUIET)?;
    ensure!(last_answer(browser)?.contains("42"), "the sum is {}", last_answer(browser)?);
    Ok(())
}

fn history(browser: &mut Driver, _: &mut Server) -> Result<()> {
    new_chat(browser)?;
    ask(browser, "63 times 25")?;
    browser.until(QUIET)?;
    if browser.screen.is_phone() {
        browser.click("#open-sidebar")?;
    }
    browser.until("!!document.querySelector('.history li.shown a')")?;
    browser.until("getComputedStyle(document.querySelector('#sidebar')).visibility === 'visible'")?;
    std::thread::sleep(std::time::Duration::from_millis(250));
    browser.picture("history")?;
    browser.holds("document.querySelector('.history h2').textContent === 'Today'")?;
    browser.click(".history li.shown button")?;
    browser.until("!!document.querySelector('.menu')")?;
    browser.picture("menu")?;
    browser.click(".menu button:first-child")?;
    browser.until("document.querySelector('dialog').open")?;
    browser.js("(() => { document.querySelector('dialog input').value = 'A name of my own'; })()")?;
    browser.click("dialog .primary")?;
    browser.until("document.querySelector('.history li.shown a').textContent === 'A name of my own'")?;
    browser.keys("#search", "name of my")?;
    browser.until("document.querySelectorAll('.history li').length === 1")?;
    browser.click(".history li button")?;
    browser.click(".menu .danger")?;
    browser.click("dialog .danger")?;
    browser.until("document.querySelectorAll('.history li').length === 0")?;
    browser.until("location.pathname === '/'")
}

/// The search leads to the place, also on a path that is not shown.
fn search(browser: &mut Driver, _: &mut Server) -> Result<()> {
    new_chat(browser)?;
    ask(browser, "a zebra and 12 + 30")?;
    browser.until(QUIET)?;
    browser.js("document.querySelector('[aria-label=Edit]').click()")?;
    browser.js("(() => { document.querySelector('.edit textarea').value = 'a horse and 12 + 31'; })()")?;
    browser.click(".edit .primary")?;
    browser.until("!document.querySelector('.edit')")?;
    browser.until(QUIET)?;
    browser.holds("!document.querySelector('.question').textContent.includes('zebra')")?;
    new_chat(browser)?;
    if browser.screen.is_phone() {
        browser.click("#open-sidebar")?;
    }
    browser.keys("#search", "Zebra")?;
    let found = "[...document.querySelectorAll('.history li')]";
    browser.until(&format!("{found}.length > 0 && {found}.every((entry) => entry.textContent.includes('zebra'))"))?;
    browser.click(".history li a")?;
    browser.until("document.querySelector('.question')?.textContent.includes('zebra')")?;
    browser.until("[...CSS.highlights.get('found')].map(String).join() === 'zebra'")?;
    browser.picture("found")?;
    browser.js(
        "(() => { const s = document.querySelector('#search'); s.value = ''; s.dispatchEvent(new Event('input')); })()",
    )?;
    browser.until("CSS.highlights.get('found').size === 0")
}

/// What is asked elsewhere is here when somebody looks, and what goes on in another conversation is seen to end.
fn two_pages(browser: &mut Driver, _: &mut Server) -> Result<()> {
    new_chat(browser)?;
    ask(browser, "347 + 588")?;
    browser.until(QUIET)?;
    let ask_elsewhere = |content: &str, place: &str| {
        browser.js(&format!(
            "(async () => {{ const id = location.pathname.slice(3); \
             const {{ leaf }} = await (await fetch(`/api/conversations/${{id}}`)).json(); \
             const body = {{ content: '{content}', files: [], model: 'mini', settings: {{ thinking: {{ enabled: true }} }}, n_samples: 1, {place} }}; \
             await fetch('/api/ask', {{ method: 'POST', headers: {{ 'Content-Type': 'application/json' }}, body: JSON.stringify(body) }}); \
             dispatchEvent(new Event('focus')); }})()"
        ))
    };
    ask_elsewhere("12 + 30", "conversation: id, parent: leaf")?;
    browser.until("document.querySelectorAll('.question').length === 2")?;
    browser.until(QUIET)?;
    ensure!(last_answer(browser)?.contains("42"), "{}", last_answer(browser)?);
    ask_elsewhere("63 times 25", "")?;
    browser.until("!!document.querySelector('.history .pulse')")?;
    browser.until("!document.querySelector('.history .pulse')")
}

/// Of a long question the beginning is shown, and all of it to who wants it.
fn long_question(browser: &mut Driver, _: &mut Server) -> Result<()> {
    new_chat(browser)?;
    say(browser, &"a line of a log\n".repeat(20))?;
    let height = "document.querySelector('.question').offsetHeight";
    browser.holds(&format!("{height} < 300 && document.querySelector('.unfold').ariaExpanded === 'false'"))?;
    browser.picture("long-question")?;
    browser.click(".unfold")?;
    browser.holds(&format!("{height} > 400 && document.querySelector('.unfold').ariaExpanded === 'true'"))
}

/// Every text of the corpus as an answer; none may do more than stand there.
fn hostile(browser: &mut Driver, server: &mut Server) -> Result<()> {
    server.start(0)?;
    new_chat(browser)?;
    browser.js("(() => { window.pwned = 0; window.alert = () => { window.pwned += 1; }; })()")?;
    let corpus = include_str!("../../../crates/server/web-tests/hostile.txt");
    for part in corpus.split("\n%%%%\n").collect::<Vec<_>>().chunks(16) {
        browser.js("document.querySelector('#new-chat-small').click()")?;
        browser.until("location.pathname === '/' && !document.querySelector('.turn')")?;
        say(browser, &part.join("\n\n"))?;
        browser.js("document.querySelectorAll('.text *').forEach((e) => e.dispatchEvent(new Event('mouseover')))")?;
        browser.holds("document.querySelectorAll('.answer .block').length > 3")?;
        browser.holds(
            "!document.querySelector('.text script, .text img, .text iframe, .text svg:not(.i), .text form, .text style')",
        )?;
        browser.holds(
            "[...document.querySelectorAll('.text a[href]')].every((a) => /^(https?|mailto):$/.test(a.protocol))",
        )?;
        browser.holds("document.documentElement.scrollWidth <= innerWidth")?;
        browser.holds("window.pwned === 0")?;
    }
    browser.picture("hostile")
}

/// Makes the mock say something.
fn say(browser: &Driver, text: &str) -> Result<()> {
    let question = serde_json::to_string(&format!("say:{text}"))?;
    browser.js(&format!(
        "(() => {{ const q = document.querySelector('#question'); q.value = {question}; \
         q.dispatchEvent(new Event('input')); document.querySelector('#composer').requestSubmit(); }})()"
    ))?;
    browser.until("document.querySelector('#question').value === ''")?;
    browser.until(QUIET)
}

fn formatted(browser: &mut Driver, _: &mut Server) -> Result<()> {
    new_chat(browser)?;
    let text = "## A quadratic\n\nThe roots of \\(x^2 - 5x + 6\\) are\n\n\\[\nx = \\frac{5 \\pm \\sqrt{25 - 24}}{2}\n\\]\n\n\
         so the answer is \\(\\boxed{x \\in \\{2, 3\\}}\\).\n\n| root | check |\n|--:|:--|\n| 2 | 4 − 10 + 6 = 0 |\n| 3 | 9 − 15 + 6 = 0 |\n\n\
         ```rust\n/// Both roots.\nfn roots(b: f64, c: f64) -> (f64, f64) {\n    let d = (b * b - 4.0 * c).sqrt(); // \"real\" only\n    ((-b - d) / 2.0, (-b + d) / 2.0)\n}\n```\n\n\
         | one | two | three | four | five | six | seven | eight |\n|-|-|-|-|-|-|-|-|\n| unbreakable | words | stay | in | one | piece | whatever | happens |\n\n\
         Long: \\(a_1 + a_2 + a_3 + a_4 + a_5 + a_6 + a_7 + a_8 + a_9 + a_{10} + a_{11} + a_{12} + a_{13} + a_{14} + a_{15} + a_{16} + a_{17} + a_{18} + a_{19}\\).\n\n\
         مرحبا بالعالم\n\n1. First, *read*.\n2. Then **think**.\n\n> 4*5*6 = 120, and it costs $5, not $10.";
    say(browser, text)?;
    browser.holds("document.querySelectorAll('.answer math').length === 4")?;
    browser.holds("!!document.querySelector('.answer .boxed') && !!document.querySelector('.answer .hl-keyword, .answer .hl-storage')")?;
    browser.holds(
        "document.querySelector('.answer blockquote').textContent.includes('4*5*6 = 120, and it costs $5, not $10.')",
    )?;
    browser.js("document.querySelector('.answer').scrollIntoView()")?;
    browser.picture("formatted")?;
    browser
        .holds("document.querySelector('#scroller').scrollWidth <= document.querySelector('#scroller').clientWidth")?;
    browser.holds(
        "[...document.querySelectorAll('td')].find((td) => td.textContent === 'unbreakable').offsetHeight < 60",
    )?;
    browser.holds(
        "[...document.querySelectorAll('.block')].filter((b) => getComputedStyle(b).direction === 'rtl').length === 1",
    )?;
    browser.holds("document.documentElement.scrollWidth <= innerWidth")
}

/// The page of models against the server's own routes: load one, put the other away, go back.
fn models(browser: &mut Driver, _: &mut Server) -> Result<()> {
    browser.go("/library")?;
    let state = |model: &str, word: &str| {
        format!("document.querySelector('[aria-label={model}] .chip')?.textContent === '{word}'")
    };
    browser.until(&state("mini", "loaded"))?;
    browser.holds(&state("other", "not loaded"))?;
    browser.click("[aria-label=other] .primary")?;
    browser.until(&state("other", "loaded"))?;
    browser.holds("document.querySelector('#model').value === 'other'")?;
    browser.click("[aria-label=mini] .pill")?;
    browser.until(&state("mini", "not loaded"))?;
    browser.picture("models")?;
    browser.holds("[...document.querySelectorAll('pre')].every((area) => area.tabIndex === 0)")?;
    new_chat(browser)?;
    ask(browser, "Who are you?")?;
    browser.until(QUIET)?;
    ensure!(last_answer(browser)?.contains("the other one"), "{}", last_answer(browser)?);
    browser.go("/library")?;
    browser.until(&state("mini", "not loaded"))?;
    browser.click("[aria-label=mini] .primary")?;
    browser.until(&state("mini", "loaded"))?;
    browser.holds("document.querySelector('#model').value === 'mini'")?;
    browser.js("localStorage.clear()").context("storage")?;
    Ok(())
}

fn pages(browser: &mut Driver, _: &mut Server) -> Result<()> {
    for page in ["library", "runs", "plan"] {
        browser.go(&format!("/{page}"))?;
        browser.until("!!document.querySelector('#page h1')")?;
        browser.picture(page)?;
        browser.holds("document.documentElement.scrollWidth <= innerWidth")?;
    }
    browser.go("/runs")?;
    browser.until("!!document.querySelector('.link')")?;
    browser.click(".link")?;
    browser.until("document.querySelectorAll('.curve .line').length === 2")?;
    browser.picture("run")?;
    // It is brought up to date in place, and its labels have their size.
    browser.js(
        "(() => { const r = document.querySelector('.recipe'); r.open = true; r.querySelector('summary').focus(); \
         window.figure = document.querySelector('.curve'); })()",
    )?;
    std::thread::sleep(std::time::Duration::from_millis(3500));
    browser.holds("document.querySelector('.recipe').open && document.activeElement.matches('.recipe summary')")?;
    browser.holds("window.figure.isConnected")?;
    browser.holds("!document.querySelector('.chart').hasAttribute('viewBox')")?;
    let address = browser.text("location.pathname + location.hash")?;
    new_chat(browser)?;
    browser.go(&address)?;
    browser.until("document.querySelectorAll('.curve .line').length === 2")?;
    browser.click(".back")?;
    browser.until("!!document.querySelector('.link')")?;
    new_chat(browser)?;
    if browser.screen.is_phone() {
        browser.click("#open-sidebar")?;
        std::thread::sleep(std::time::Duration::from_millis(250));
    }
    browser.click("#settings")?;
    browser.until("document.querySelector('dialog').open")?;
    browser.picture("settings")?;
    browser.js("(() => { const l = document.querySelector('#language'); l.value = 'zh'; l.dispatchEvent(new Event('change')); })()")?;
    browser.until("document.querySelector('#welcome h1').textContent === '今天想弄清楚什么？'")?;
    browser.until("document.querySelector('dialog').open")?;
    browser.js("(() => { const l = document.querySelector('#theme'); l.value = 'dark'; l.dispatchEvent(new Event('change')); })()")?;
    browser.holds("[...document.querySelectorAll('meta[name=theme-color]')].every((m) => m.content === '#15171a')")?;
    browser.click("dialog .primary")?;
    browser.picture("chinese")?;
    browser.go("/runs")?;
    browser.until("document.querySelector('tbody')?.textContent.includes('20 分 35 秒')")?;
    browser.go("/plan")?;
    browser.until("!!document.querySelector('.plan-answer')")?;
    browser
        .holds("document.querySelector('.plan-answer').textContent.includes('2,048 块 NVIDIA H800 SXM，54.2 天')")?;
    browser.holds("document.querySelector('#page h2').textContent === '预计账单'")?;
    browser.holds("document.querySelector('#page tbody th').textContent === '预训练'")?;
    browser.picture("plan-chinese")?;
    browser.js("localStorage.clear()").context("storage")?;
    Ok(())
}

fn keyboard(browser: &mut Driver, _: &mut Server) -> Result<()> {
    new_chat(browser)?;
    // On a phone the keyboard would cover half of the page.
    let focused = if browser.screen.is_phone() { "body" } else { "#question" };
    browser.holds(&format!("document.activeElement.matches('{focused}')"))?;
    // Everything that can be pressed has a name, and Tab comes to the first of them.
    browser.holds(
        "[...document.querySelectorAll('button, a, input, textarea, select')].filter((e) => !e.ariaHidden) \
         .every((e) => e.getAttribute('aria-label') || e.labels?.length || e.textContent.trim())",
    )?;
    browser.keys("#question", "12 + 30")?;
    browser.keys("#question", "\u{e008}\u{e007}")?;
    browser.holds("document.querySelector('#question').value === '12 + 30\\n'")?;
    browser.keys("#question", "\u{e003}")?;
    // An input method's Enter is its own, also where the code alone tells (Safari).
    browser.js("document.querySelector('#question').dispatchEvent(new KeyboardEvent('keydown', \
         {key: 'Enter', keyCode: 229, bubbles: true, cancelable: true}))")?;
    browser.holds("document.querySelector('#question').value !== ''")?;
    if browser.screen.is_phone() {
        browser.keys("#question", ENTER)?;
        browser.holds("document.querySelector('#question').value.endsWith('\\n')")?;
    }
    send(browser)?;
    browser.until(QUIET)?;
    ask(browser, "count forever")?;
    browser.until("!!document.querySelector('[aria-busy=true]')")?;
    if !browser.screen.is_phone() {
        // In another box it is that box's key.
        browser.keys("#search", &format!("x{ESCAPE}"))?;
        browser.holds("!!document.querySelector('.halt')")?;
    }
    browser.keys("#question", ESCAPE)?;
    browser.until("!document.querySelector('[aria-busy=true], .halt')")?;
    browser.keys("#question", TAB)?;
    browser.holds("document.activeElement.id === 'think'")
}

fn offline(browser: &mut Driver, server: &mut Server) -> Result<()> {
    new_chat(browser)?;
    browser.until("navigator.serviceWorker.controller !== null")?;
    server.kill();
    browser.go("/")?;
    browser.until("document.querySelector('#description').textContent.includes('does not answer')")?;
    browser.holds("!document.querySelector('#lost').hidden")?;
    browser.picture("offline")?;
    server.start(3)?;
    browser.until("!!document.querySelector('.example')")?;
    browser.holds("document.querySelector('#lost').hidden")
}

/// An earlier question is edited while an answer is written: the answer's end takes nothing away.
fn edit_stays(browser: &mut Driver, _: &mut Server) -> Result<()> {
    new_chat(browser)?;
    ask(browser, "347 + 588")?;
    browser.until(QUIET)?;
    ask(browser, "12 + 30")?;
    browser.js("document.querySelector('[aria-label=Edit]').click()")?;
    browser.keys(".edit textarea", " and 1")?;
    browser.until("document.querySelectorAll('.foot .figures').length === 2")?;
    browser.until("!document.querySelector('.halt')")?;
    browser.holds("document.querySelector('.edit textarea').value === '347 + 588 and 1'")?;
    browser.holds("document.activeElement.matches('.edit textarea')")?;
    browser.keys(".edit textarea", ESCAPE)?;
    browser.holds("!document.querySelector('.edit') && document.activeElement.getAttribute('aria-label') === 'Edit'")
}

/// A model that thinks and then says nothing: the page says so, and how to go on.
fn wordless(browser: &mut Driver, _: &mut Server) -> Result<()> {
    new_chat(browser)?;
    ask(browser, "say:")?;
    browser.until(QUIET)?;
    browser.holds("document.querySelector('.notes').innerText.includes('said nothing')")?;
    browser.holds("!!document.querySelector('.go-on')")?;
    browser.picture("wordless")
}

/// A server that is there and says nothing, in the middle of an answer: the page says so, and goes on when it does.
fn hangs(browser: &mut Driver, server: &mut Server) -> Result<()> {
    if browser.screen.is_phone() {
        return Ok(());
    }
    new_chat(browser)?;
    ask(browser, "count forever")?;
    browser.until("document.querySelector('.thought')?.innerText.length > 100")?;
    server.freeze(true)?;
    let seen = browser.until("!document.querySelector('#lost').hidden");
    server.freeze(false)?;
    seen?;
    browser.until("document.querySelector('#lost').hidden")?;
    browser.until(QUIET)?;
    ensure!(last_answer(browser)?.contains("far enough"));
    Ok(())
}

/// A wrong key stays in its box, and a dialog that was closed leaves a way back.
fn key(browser: &mut Driver, server: &mut Server) -> Result<()> {
    server.start_locked("sesame-sesame-sesame")?;
    new_chat(browser)?;
    browser.until("document.querySelector('dialog').open")?;
    browser.keys("dialog input", &format!("wrong{ENTER}"))?;
    browser.until("document.querySelector('dialog .failure')?.textContent.includes('does not know')")?;
    browser.holds("document.querySelector('dialog input').value === 'wrong'")?;
    browser.picture("wrong-key")?;
    browser.keys("dialog input", ESCAPE)?;
    browser.until("!document.querySelector('dialog').open")?;
    browser.picture("locked")?;
    browser.click("#sign-in")?;
    browser.keys("dialog input", &format!("sesame-sesame-sesame{ENTER}"))?;
    browser.until("!!document.querySelector('.example')")?;
    browser.holds("document.querySelector('#locked').hidden && !document.querySelector('dialog').open")
}

/// What a finger presses is large enough, and the drawer has the focus while it is open.
fn finger(browser: &mut Driver, _: &mut Server) -> Result<()> {
    if !browser.screen.is_phone() {
        return Ok(());
    }
    new_chat(browser)?;
    ask(browser, "347 + 588")?;
    browser.until(QUIET)?;
    let small = |within: &str| {
        format!(
            "[...document.querySelectorAll('{within} :is(button, a, input, select, summary)')] \
             .filter((e) => e.checkVisibility({{ visibilityProperty: true }}) && !e.closest('.text, .hidden') && !e.matches('.hidden')) \
             .filter((e) => Math.min(e.offsetWidth, e.offsetHeight) < 43.5).map((e) => e.className || e.id).join()"
        )
    };
    let found = browser.text(&small("#stage"))?;
    ensure!(found.is_empty(), "small on the page: {found}");
    browser.click("#open-sidebar")?;
    browser.holds("document.activeElement.id === 'close-sidebar' && document.querySelector('#stage').inert")?;
    let found = browser.text(&small("#sidebar"))?;
    ensure!(found.is_empty(), "small in the drawer: {found}");
    browser.keys("#close-sidebar", ESCAPE)?;
    browser.holds("document.activeElement.id === 'open-sidebar' && !document.querySelector('#stage').inert")
}

/// All of a conversation is printed and nothing else.
fn paper(browser: &mut Driver, _: &mut Server) -> Result<()> {
    if browser.screen.is_phone() {
        return Ok(());
    }
    new_chat(browser)?;
    say(browser, &"A paragraph of an answer that is long.\n\n".repeat(80))?;
    let n = browser.n_printed()?;
    ensure!(n > 1, "{n} pages are printed");
    Ok(())
}
