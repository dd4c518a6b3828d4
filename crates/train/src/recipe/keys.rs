//! The keys a recipe may have, read off the structs themselves, and the complaint about one that it may not have.

use super::load::RecipeFile;
use super::{
    BatchRamp, CheckpointSpec, CostSpec, CurriculumSpec, DataSpec, EvalSpec, GrpoSpec, JudgeSpec, LoraSpec, ModelSpec,
    RewardSpec, SampleSpec, SourceSpec, StageRecipe, TeacherSpec, TokenizerSpec, TrainSpec,
};
use crate::error::{Result, TrainError};
use serde::de::value::Error as PlainError;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use toml::{Table, Value};

/// Refuses a table with a key that no recipe has.
///
/// # Errors
/// Names the key in full, the nearest known one, and the known keys of that section.
pub(super) fn check(table: &Table) -> Result<()> {
    check_section(table, "")
}

fn check_section(table: &Table, section: &str) -> Result<()> {
    let Some(known) = known_keys(section) else {
        return Ok(()); // free keys: [model.config]
    };
    for (key, value) in table {
        let path = join(section, key);
        if !known.contains(&key.as_str()) {
            return Err(unknown(&path, section, &known));
        }
        match value {
            Value::Table(inner) => check_section(inner, &path)?,
            Value::Array(items) => {
                for item in items.iter().filter_map(Value::as_table) {
                    check_section(item, &path)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn unknown(path: &str, section: &str, known: &[&str]) -> TrainError {
    let key = path.rsplit('.').next().unwrap_or(path);
    let in_section = model::error::nearest(key, known.iter().copied()).map(|near| join(section, near));
    let nearest = in_section.or_else(|| key_elsewhere(key));
    let hint = nearest.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    let place = if section.is_empty() { "at the top".to_owned() } else { format!("in [{section}]") };
    TrainError::Recipe(format!("unknown recipe key `{path}`{hint} (known {place}: {})", known.join(", ")))
}

/// The key of that name, or nearly that name, in any other section.
fn key_elsewhere(key: &str) -> Option<String> {
    let all: Vec<(&str, &str)> =
        SECTIONS.iter().flat_map(|&s| known_keys(s).unwrap_or_default().into_iter().map(move |k| (s, k))).collect();
    let near = model::error::nearest(key, all.iter().map(|&(_, k)| k))?;
    all.iter().find(|&&(_, k)| k == near).map(|&(section, k)| join(section, k))
}

const SECTIONS: [&str; 16] = [
    "train",
    "model",
    "tokenizer",
    "data",
    "data.source",
    "train.batch_ramp",
    "train.lora",
    "grpo",
    "grpo.reward",
    "grpo.curriculum",
    "grpo.judge",
    "sample",
    "sample.teacher",
    "eval",
    "checkpoint",
    "cost",
];

/// The keys of one section; `None` where any key may stand.
fn known_keys(section: &str) -> Option<Vec<&'static str>> {
    let fields = match section.strip_prefix("stage.").unwrap_or(section) {
        "" => field_names::<RecipeFile>(),
        "stage" => field_names::<StageRecipe>(),
        "model" => field_names::<ModelSpec>(),
        "tokenizer" => field_names::<TokenizerSpec>(),
        "data" => field_names::<DataSpec>(),
        "data.source" => field_names::<SourceSpec>(),
        "data.source.tasks" => field_names::<tasks::MixtureEntry>(),
        "data.source.options" => field_names::<tasks::Options>(),
        "train" => field_names::<TrainSpec>(),
        "train.batch_ramp" => field_names::<BatchRamp>(),
        "train.lora" => field_names::<LoraSpec>(),
        "grpo" => field_names::<GrpoSpec>(),
        "grpo.reward" => field_names::<RewardSpec>(),
        "grpo.curriculum" => field_names::<CurriculumSpec>(),
        "grpo.judge" => field_names::<JudgeSpec>(),
        "grpo.judge.prices" => field_names::<rollout::endpoint::Prices>(),
        "sample" => field_names::<SampleSpec>(),
        "sample.teacher" => field_names::<TeacherSpec>(),
        "sample.teacher.prices" => field_names::<rollout::endpoint::Prices>(),
        "eval" => field_names::<EvalSpec>(),
        "checkpoint" => field_names::<CheckpointSpec>(),
        "cost" => field_names::<CostSpec>(),
        _ => return None,
    };
    Some(fields.to_vec())
}

fn join(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

/// The field names of a struct, as its derived `Deserialize` asks for them.
fn field_names<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    let _ = T::deserialize(FieldNames(&mut names));
    names
}

/// A deserializer that listens for the field names and then gives up.
struct FieldNames<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = PlainError;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> std::result::Result<V::Value, PlainError> {
        *self.0 = fields;
        Err(PlainError::custom("only the names were wanted"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> std::result::Result<V::Value, PlainError> {
        Err(PlainError::custom("not a struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// A count that may be written `15e6`.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a whole number, such as 15_000_000 or 15e6")]
    enum Number {
        Whole(u64),
        Float(f64),
    }
    match Number::deserialize(deserializer)? {
        Number::Whole(n) => Ok(n),
        Number::Float(x) if x >= 0.0 && x.fract() == 0.0 && x < 9e15 => Ok(x as u64),
        Number::Float(x) => Err(D::Error::custom(format!("expected a whole number, found {x}"))),
    }
}

/// As [`count`], for lengths in memory.
pub(super) fn length<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<usize, D::Error> {
    count(deserializer).map(|n| n as usize)
}

/// As [`count`], for a key that may be absent.
pub(super) fn optional_count<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<u64>, D::Error> {
    count(deserializer).map(Some)
}
