//! Files beside a question.

use anyhow::{Result, ensure};

use super::{QUIET, last_answer, new_chat};
use crate::browser::Server;
use crate::browser::driver::Driver;

/// Chooses files of one name.
fn add_files(browser: &Driver, n: usize, name: &str) -> Result<()> {
    browser.js(&format!(
        "(() => {{ const list = new DataTransfer(); \
         for (let i = 0; i < {n}; i += 1) list.items.add(new File(['30 + 12'], '{name}')); \
         const input = document.querySelector('#file-input'); input.files = list.files; \
         input.dispatchEvent(new Event('change')); }})()"
    ))?;
    Ok(())
}

pub(super) fn file(browser: &mut Driver, _: &mut Server) -> Result<()> {
    new_chat(browser)?;
    let name = "<img src=x onerror=alert()>.csv";
    add_files(browser, 1, name)?;
    browser.until("document.querySelector('#files small')?.textContent === '7 characters'")?;
    browser.picture("file")?;
    browser.click("#send")?;
    browser.until(QUIET)?;
    browser.holds("document.querySelector('.sent .file span').textContent.startsWith('<img src=x')")?;
    browser.holds("!document.querySelector('img')")?;
    ensure!(last_answer(browser)?.contains("42"), "the sum in the file is {}", last_answer(browser)?);
    Ok(())
}

/// What is too large and what is no file is refused here; what is still on its way can be taken back, and is not forgotten.
pub(super) fn unread(browser: &mut Driver, _: &mut Server) -> Result<()> {
    new_chat(browser)?;
    let choose = |file: &str| {
        browser.js(&format!(
            "document.querySelector('#composer .box').dispatchEvent(Object.assign(new Event('drop', {{ bubbles: true }}), \
             {{ dataTransfer: {{ types: ['Files'], files: [{file}] }} }}))"
        ))
    };
    let says =
        |words: &str| browser.until(&format!("document.querySelector('#toast').textContent.includes('{words}')"));
    choose("new File([new Uint8Array(33 << 20)], 'large.txt')")?;
    says("32 MB at most")?;
    choose(
        "Object.assign(new File(['a'], 'folder'), { slice: () => ({ arrayBuffer: () => Promise.reject(new Error()) }) })",
    )?;
    says("Is it a folder")?;
    browser.holds("!document.querySelector('#files .file') && document.querySelector('#lost').hidden")?;
    // Two files on a slow line.
    browser.js(
        "(() => { const send = window.fetch; window.fetch = async (path, how) => { if (path.startsWith('/api/files')) \
         await new Promise((go, no) => { setTimeout(go, 1500); how.signal?.addEventListener('abort', () => no(new Error())); }); \
         return send(path, how); }; })()",
    )?;
    choose("new File(['30 + 12'], 'first.txt'), new File(['30 + 13'], 'second.txt')")?;
    browser.holds("document.querySelectorAll('#files .busy').length === 2")?;
    browser.click("#send")?;
    says("Reading first.txt")?;
    browser.picture("uploading")?;
    browser.click("#files button")?;
    browser.until("document.querySelector('#files').innerText.includes('7 characters')")?;
    browser
        .holds("document.querySelectorAll('#files .file').length === 1 && document.querySelector('#lost').hidden")?;
    browser.holds("document.querySelector('#files').innerText.includes('second.txt')")
}

/// Whatever is in the box, it stays on the screen, and so does what sends it.
pub(super) fn crowded(browser: &mut Driver, _: &mut Server) -> Result<()> {
    new_chat(browser)?;
    let name = "a name that goes on and on, ".repeat(6);
    add_files(browser, 20, &name)?;
    browser.until("document.querySelectorAll('#files small').length === 20")?;
    browser.until("!document.querySelector('#files .busy')")?;
    for size in ["100%", "200%"] {
        browser.js(&format!("document.documentElement.style.fontSize = '{size}'"))?;
        browser.holds("document.querySelector('#composer').getBoundingClientRect().width <= innerWidth")?;
        browser.holds(
            "(() => { const b = document.querySelector('#send').getBoundingClientRect(); \
             return b.top > 0 && b.right <= innerWidth && b.bottom <= innerHeight; })()",
        )?;
        browser.picture(if size == "100%" { "crowded" } else { "crowded-large" })?;
    }
    Ok(())
}
