//! What the app's planner shows, as data. A function of a query, so that a server has nothing to know.

use std::collections::BTreeMap;

use model::presets;
use serde_json::{Value, json};

use crate::catalogue::Catalogue;
use crate::error::{Error, Result};
use crate::layout::{Job, LayoutSpec};
use crate::page::Page;
use crate::plan::{Changes, Cluster, PRESETS, Plan, plan_training, preset, usual_batch};
use crate::text::parse_count;

/// The answer to a query's parameters (`preset`, or `model` with `tokens`; `on`, `count`, `price`, `layout`): the keys of
/// `penseur plan --json`, `page` with what the page shows (`title`, `headline`, `facts`, `tables`, `notes`, `lines`, and
/// `drawings` with a `title` and an `svg` each), and `choices` of runs, models and chips for a form.
///
/// # Errors
/// What was asked cannot be planned; the message says what works.
pub fn answer(query: &BTreeMap<String, String>) -> Result<Value> {
    let catalogue = Catalogue::load(None)?;
    let plan = Asked::of(query).plan(&catalogue)?;
    let mut value = serde_json::to_value(&plan).unwrap_or_else(|e| panic!("a plan is valid JSON: {e}"));
    value["page"] = Page::from(&plan).json();
    let named = |names: &mut dyn Iterator<Item = (String, String)>| -> Vec<Value> {
        names.map(|(id, name)| json!({ "id": id, "name": name })).collect()
    };
    value["choices"] = json!({
        "runs": named(&mut PRESETS.iter().map(|(id, what)| ((*id).to_owned(), (*what).to_owned()))),
        "models": named(&mut presets::names().into_iter().map(|name| (name.clone(), name))),
        "chips": named(&mut catalogue.chips().map(|chip| (chip.id.clone(), chip.name.clone()))),
    });
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn every_query_is_answered() {
        let of = |pairs: &[(&str, &str)]| answer(&query(pairs));
        let first = of(&[]).unwrap();
        assert_eq!(first["page"]["title"], "DeepSeek-V3, all stages, 2048 x NVIDIA H800 SXM");
        let other = of(&[("model", "r1-distill-qwen-7b"), ("on", "h100"), ("count", "64"), ("tokens", "1T")]).unwrap();
        assert!(other["page"]["title"].as_str().unwrap().contains("64 x NVIDIA H100"));
        for (wrong, told) in [
            ([("model", "v3"), ("count", "7")], "--count"),
            ([("model", "<b>"), ("count", "8")], "no published model"),
            ([("model", "v3-pretrain"), ("layout", "pp=x")], "pp=x"),
            ([("preset", "v3"), ("on", "h9")], "no chip"),
        ] {
            let message = of(&wrong).unwrap_err().to_string();
            assert!(message.contains(told), "{wrong:?}: {message}");
        }
        let value = of(&[("preset", "v3-pretrain")]).unwrap();
        assert!(value["dollars"].as_f64().unwrap() > 5e6);
        assert!(value["page"]["drawings"][1]["svg"].as_str().unwrap().starts_with("<svg"));
        assert_eq!(value["choices"]["runs"].as_array().unwrap().len(), PRESETS.len());
        assert!(value["choices"]["chips"].as_array().unwrap().iter().any(|chip| chip["id"] == "h800"));
    }
}
