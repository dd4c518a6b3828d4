//! The app's page: a plan with a form above it. A function of a query, so that a server has nothing to know.

use std::collections::BTreeMap;
use std::fmt::Write;

use model::presets;

use crate::catalogue::Catalogue;
use crate::error::{Error, Result};
use crate::layout::{Job, LayoutSpec};
use crate::page::{Page, escape};
use crate::plan::{Changes, Cluster, PRESETS, Plan, plan_training, preset, usual_batch};
use crate::text::parse_count;

/// The whole HTML document of `/plan` for a query's parameters: `preset`, or `model` with `tokens`; `on`, `count`,
/// `price`, `layout`. Everything is inside it, and it has no script. What cannot be planned is shown as a sentence above
/// the form; the page is always one that can be sent.
pub fn page(query: &BTreeMap<String, String>) -> String {
    let catalogue = Catalogue::load(None);
    let (catalogue, broken) = match catalogue {
        Ok(catalogue) => (catalogue, None),
        Err(error) => (Catalogue::shipped(), Some(error)),
    };
    let asked = Asked::of(query);
    let plan = broken.map_or_else(|| asked.plan(&catalogue), Err);
    match plan {
        Ok(plan) => Page::from(&plan).html_with(&asked.form(&catalogue, None)),
        Err(error) => {
            let page = Page { title: "What would it cost?".to_owned(), ..Page::default() };
            page.html_with(&asked.form(&catalogue, Some(&error.to_string())))
        }
    }
}

/// The same as JSON: the keys of `penseur plan --json`, and `page` with what the page shows (`title`, `headline`, `facts`,
/// `tables`, `notes`, `lines`, and `drawings` with a `title` and an `svg` each), for an app that draws its own form.
///
/// # Errors
/// What was asked cannot be planned; the message says what works.
pub fn json(query: &BTreeMap<String, String>) -> Result<serde_json::Value> {
    let plan = Asked::of(query).plan(&Catalogue::load(None)?)?;
    let mut value = serde_json::to_value(&plan).unwrap_or_else(|e| panic!("a plan is valid JSON: {e}"));
    value["page"] = Page::from(&plan).json();
    Ok(value)
}

/// A query's parameters; what is missing or empty is a preset's.
struct Asked<'a> {
    model: &'a str,
    tokens: &'a str,
    on: &'a str,
    count: &'a str,
    price: &'a str,
    layout: &'a str,
}

impl<'a> Asked<'a> {
    fn of(query: &'a BTreeMap<String, String>) -> Asked<'a> {
        let get = |key: &str| query.get(key).map_or("", |value| value.trim());
        let model = match (get("model"), get("preset")) {
            ("", "") => "v3",
            ("", preset) => preset,
            (model, _) => model,
        };
        let [tokens, on, count, price, layout] = ["tokens", "on", "count", "price", "layout"].map(get);
        Asked { model, tokens, on, count, price, layout }
    }

    fn plan(&self, catalogue: &Catalogue) -> Result<Plan> {
        let number = |name: &str, text: &str| match text {
            "" => Ok(None),
            text => parse_count(text).map(Some).map_err(|e| Error::Question(format!("{name}: {e}"))),
        };
        let count = number("chips", self.count)?.map(|n| n as u64);
        let price = number("price", self.price)?;
        let tokens = number("tokens", self.tokens)?;
        let layout = match self.layout {
            "" => None,
            text => Some(LayoutSpec::parse(text)?),
        };
        let on = (!self.on.is_empty()).then(|| self.on.to_owned());
        if PRESETS.iter().any(|(name, _)| *name == self.model) {
            return preset(self.model, &Changes { on, count, price, tokens, layout }, catalogue);
        }
        let config = presets::published(self.model).map_err(|e| Error::Question(e.to_string()))?;
        let count = count.unwrap_or(8);
        let cluster = Cluster::new(catalogue.chip(on.as_deref().unwrap_or("h800"))?, count, price)?;
        let seq_len = 4096.min(config.max_position_embeddings() as u64);
        let batch = usual_batch(&config, seq_len, count);
        // Twenty tokens a parameter where nobody says: Chinchilla's (arXiv:2203.15556).
        let tokens = tokens.unwrap_or(20.0 * model::count::count_params(&config).total() as f64);
        let job = Job { config, tokens, seq_len, batch, mtp: true };
        plan_training(self.model, &job, &cluster, &layout.unwrap_or_default())
    }

    fn form(&self, catalogue: &Catalogue, wrong: Option<&str>) -> String {
        let mut html = String::from("<form method=\"get\"><label>Run or model<select name=\"model\">");
        let published = presets::names();
        for name in PRESETS.iter().map(|(name, _)| *name).chain(published.iter().map(String::as_str)) {
            option(&mut html, name, name, name == self.model);
        }
        html.push_str("</select></label><label>Chip<select name=\"on\">");
        let mut on = if self.on.is_empty() { "h800" } else { self.on };
        if catalogue.chip(on).is_err() {
            on = "h800";
        }
        for chip in catalogue.chips() {
            option(&mut html, &chip.id, &chip.name, chip.id == on);
        }
        html.push_str("</select></label>");
        for (name, label, value, hint) in [
            ("count", "Chips", self.count, "as published"),
            ("tokens", "Tokens", self.tokens, "as published"),
            ("price", "Dollars a chip-hour", self.price, "catalogue"),
            ("layout", "Layout", self.layout, "chosen"),
        ] {
            let (value, hint) = (escape(value), escape(hint));
            let _ =
                write!(html, "<label>{label}<input name=\"{name}\" value=\"{value}\" placeholder=\"{hint}\"></label>");
        }
        html.push_str("<button>Plan</button></form>");
        if let Some(wrong) = wrong {
            let _ = write!(html, "<p class=\"wrong\" role=\"alert\">{}</p>", escape(wrong));
        }
        html
    }
}

fn option(html: &mut String, value: &str, shown: &str, is_chosen: bool) {
    let chosen = if is_chosen { " selected" } else { "" };
    let _ = write!(html, "<option value=\"{}\"{chosen}>{}</option>", escape(value), escape(shown));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn every_query_is_answered() {
        let page_of = |pairs: &[(&str, &str)]| page(&query(pairs));
        let first = page_of(&[]);
        assert!(first.contains("DeepSeek-V3, all stages") && first.contains("<form") && !first.contains("<script"));
        let other = page_of(&[("model", "r1-distill-qwen-7b"), ("on", "h100"), ("count", "64"), ("tokens", "1T")]);
        assert!(other.contains("64 x NVIDIA H100") && other.contains("value=\"1T\""));
        for wrong in [
            [("model", "v3"), ("count", "7")],
            [("model", "<b>"), ("count", "8")],
            [("model", "v3-pretrain"), ("layout", "pp=x\"><script>")],
        ] {
            let html = page_of(&wrong);
            assert!(html.contains("role=\"alert\"") && !html.contains("<b>") && !html.contains("<script"), "{wrong:?}");
        }
        let value = json(&query(&[("preset", "v3-pretrain")])).unwrap();
        assert!(value["dollars"].as_f64().unwrap() > 5e6);
        assert!(value["page"]["drawings"][1]["svg"].as_str().unwrap().starts_with("<svg"));
        assert!(json(&query(&[("on", "h9")])).is_err());
    }
}
