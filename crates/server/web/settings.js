// Settings: language, colours, and what can be done with all conversations.

import { post, remove, upload } from "./api.js";
import { changeLanguage, go, showTheme } from "./app.js";
import { ask, button, keyName, make, recall, remember, toast } from "./dom.js";
import { LANGUAGES, language, setLanguage, t } from "./i18n.js";
import * as sidebar from "./sidebar.js";

function select(id, label, entries, value, change) {
  const element = make("select", "", { id, onchange: () => change(element.value) }, ...entries.map(([code, name]) => new Option(name, code)));
  element.value = value;
  return make("div", "setting", {}, make("label", "", { for: id }, label), element);
}

const KEYS = [["Enter", "keySend"], ["⇧ Enter", "keyNewLine"], ["Esc", "keyStop"], ["/", "keyFocus"], ["Ctrl ⇧ O", "keyNew"], ["Ctrl K", "keySearch"]];

/** The server tells an export in JSON from a conversation in Markdown. */
async function bringIn(file) {
  try {
    const { imported, known } = await upload("/api/import", file);
    toast([t("imported", { n: imported }), known > 0 && t("known", { n: known })].filter(Boolean).join(" "));
    sidebar.refresh();
  } catch (error) {
    toast(`${file.name}: ${error.message}`);
  }
}

async function deleteAll() {
  const sure = await ask(t("deleteAll"), (close) => [
    make("p", "", {}, t("deleteAllSure")),
    make("div", "row", {}, button("pill", t("cancel"), () => close(false)), button("primary danger", t("deleteAll"), () => close(true))),
  ]);
  if (!sure) return;
  await remove("/api/conversations").catch((error) => toast(error.message));
  sidebar.refresh();
  go("/");
}

export async function openSettings() {
  const action = await ask(t("settings"), (close) => {
    const file = make("input", "hidden", { type: "file", accept: ".json,.md,application/json,text/markdown", tabindex: "-1", "aria-label": t("importAll"), onchange: () => { close(() => bringIn(file.files[0])); } });
    return [
      select("language", t("language"), LANGUAGES, language(), (code) => { setLanguage(code); close(() => { changeLanguage(); openSettings(); }); }),
      select("theme", t("theme"), [["system", t("system_theme")], ["light", t("light")], ["dark", t("dark")]], recall("theme", "system"), (theme) => { remember("theme", theme); showTheme(); }),
      make("h3", "", {}, t("data")),
      make("div", "row wrap", {},
        button("pill", t("exportAll"), () => { location.assign("/api/export.json"); }),
        button("pill", t("importAll"), () => file.click()), file,
        button("pill danger", t("deleteAll"), () => close(deleteAll))),
      make("h3", "", {}, t("shortcuts")),
      make("dl", "keys", {}, ...KEYS.flatMap(([key, name]) => [make("dt", "", {}, make("kbd", "", {}, keyName(key))), make("dd", "", {}, t(name))])),
      make("div", "row", {},
        sidebar.isSignedIn() && button("pill", t("signOut"), () => close(signOut)),
        make("span", "space"), button("primary", t("done"), () => close(null))),
    ];
  });
  action?.();
}

async function signOut() {
  await post("/api/sign-out").catch(() => {});
  location.assign("/");
}
