//! From TOML text and `--set` to stages with every default filled in.

use super::{
    CheckpointSpec, CostSpec, DataSpec, EvalSpec, GrpoSpec, ModelSpec, SampleSpec, StageKind, StageRecipe,
    TokenizerSpec, TrainSpec, check, keys,
};
use crate::error::{Result, TrainError};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The keys at the top of a file. Only its field names are used: sections are merged as tables before they are read.
#[derive(Deserialize)]
#[allow(dead_code, reason = "a list of keys")]
pub(super) struct RecipeFile {
    name: String,
    run_dir: Option<PathBuf>,
    kind: StageKind,
    seed: u64,
    model: ModelSpec,
    tokenizer: TokenizerSpec,
    data: DataSpec,
    train: TrainSpec,
    grpo: Option<GrpoSpec>,
    sample: Option<SampleSpec>,
    eval: EvalSpec,
    checkpoint: CheckpointSpec,
    cost: CostSpec,
    stage: Vec<StageRecipe>,
}

/// A recipe, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Names the run.
    pub name: String,
    /// Where the run is kept, if the file says so.
    pub run_dir: Option<PathBuf>,
    /// The stages in order.
    pub stages: Vec<StageRecipe>,
    /// Whether the file has `[[stage]]` tables; each stage then has a directory of its own within the run's.
    pub is_chain: bool,
}

/// The keys that end a stage. A layer that sets one of them unsets the others below it.
const BUDGETS: [&str; 3] = ["tokens", "steps", "minutes"];

impl Recipe {
    /// Reads a recipe file and lays `sets` (`a.b=v`) over it.
    ///
    /// # Errors
    /// A file that cannot be read, and as [`Recipe::from_toml`] with the file's name.
    pub fn from_file(path: &Path, sets: &[String]) -> Result<Recipe> {
        let text = std::fs::read_to_string(path).map_err(|e| TrainError::io("read the recipe", path, e))?;
        let name = path.file_stem().map_or("run".into(), |stem| stem.to_string_lossy().into_owned());
        Recipe::from_toml(&text, &name, sets).map_err(|error| match error {
            TrainError::Recipe(reason) => TrainError::Recipe(format!("{}: {reason}", path.display())),
            other => other,
        })
    }

    /// Reads a recipe; `default_name` serves where it gives none.
    ///
    /// # Errors
    /// Text that is not TOML, an unknown key (with the nearest known one), a value of the wrong type or out of range,
    /// keys that contradict each other.
    pub fn from_toml(text: &str, default_name: &str, sets: &[String]) -> Result<Recipe> {
        let mut file: Table = text.parse().map_err(|e| TrainError::Recipe(format!("not valid TOML: {e}")))?;
        keys::check(&file)?;
        let sets = sets.iter().map(|set| Setting::parse(set)).collect::<Result<Vec<_>>>()?;

        let name = match file.remove("name") {
            None => default_name.to_owned(),
            Some(Value::String(name)) => name,
            Some(other) => return Err(TrainError::Recipe(format!("`name` is {other}, expected a text"))),
        };
        check::name(&name)?;
        let run_dir = match file.remove("run_dir") {
            None => None,
            Some(Value::String(dir)) => Some(PathBuf::from(dir)),
            Some(other) => return Err(TrainError::Recipe(format!("`run_dir` is {other}, expected a path"))),
        };
        let chain = match file.remove("stage") {
            None => None,
            Some(Value::Array(stages)) => Some(stages),
            Some(_) => return Err(TrainError::Recipe("`stage` is not a list: write [[stage]]".to_owned())),
        };
        let is_chain = chain.is_some();
        let tables = chain.unwrap_or_else(|| vec![Value::Table(Table::new())]);
        if tables.is_empty() {
            return Err(TrainError::Recipe("`stage` is empty: a chain has at least one [[stage]]".to_owned()));
        }

        let mut stages: Vec<StageRecipe> = Vec::new();
        for (stage_idx, table) in tables.into_iter().enumerate() {
            let Value::Table(own) = table else {
                return Err(TrainError::Recipe("`stage` is not a list of tables: write [[stage]]".to_owned()));
            };
            let default_name = if is_chain { format!("stage{}", stage_idx + 1) } else { name.clone() };
            let has_own_shape = own.get("model").and_then(Value::as_table).is_some_and(has_shape);
            let mut stage = resolve_stage(&file, own, &default_name, is_chain.then_some(stage_idx), &sets)?;
            if let (None, false, Some(previous)) = (&stage.model.from, has_own_shape, stages.last()) {
                stage.model.continue_from(previous);
                stage.tokenizer.vocab_size = None;
            }
            check::stage(&stage, &stages)?;
            stages.push(stage);
        }
        if let Some(unused) = sets.iter().find(|set| set.stage.as_ref().is_some_and(|s| !names_a_stage(s, &stages))) {
            let known: Vec<&str> = stages.iter().map(|s| s.name.as_str()).collect();
            let stage = unused.stage.as_deref().unwrap_or_default();
            return Err(TrainError::Recipe(format!("--set names no stage `{stage}` (stages: {})", known.join(", "))));
        }
        Ok(Recipe { name, run_dir, stages, is_chain })
    }

    /// Keeps the stages of these names, and those whose results they need; with no name, all.
    ///
    /// # Errors
    /// A name that no stage has.
    pub fn only(mut self, names: &[String]) -> Result<Recipe> {
        if names.is_empty() {
            return Ok(self);
        }
        if let Some(name) = names.iter().find(|name| !self.stages.iter().any(|stage| stage.name == **name)) {
            let known: Vec<&str> = self.stages.iter().map(|stage| stage.name.as_str()).collect();
            return Err(TrainError::Recipe(format!("no stage `{name}` (stages: {})", known.join(", "))));
        }
        let mut wanted = names.to_vec();
        // A stage needs earlier ones alone, so one pass from the end finds all.
        for stage in self.stages.iter().rev() {
            if wanted.contains(&stage.name) {
                wanted.extend(stage.needed_stages().map(str::to_owned));
            }
        }
        self.stages.retain(|stage| wanted.contains(&stage.name));
        Ok(self)
    }
}

impl StageRecipe {
    /// Names of the earlier stages whose results this one begins with or learns from.
    fn needed_stages(&self) -> impl Iterator<Item = &str> {
        let paths = [self.model.from.as_deref(), self.tokenizer.path.as_deref()];
        let data = self.data.source.iter().filter_map(|source| source.stage.as_deref());
        paths.into_iter().flatten().filter_map(|path| path.strip_prefix("stage:")).chain(data)
    }

    /// The recipe of a run directory: this stage alone, nothing left to defaults.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).unwrap_or_else(|e| panic!("a recipe is always valid TOML: {e}"))
    }
}

impl ModelSpec {
    /// Starts where an earlier stage ended; one that samples ends with the model it began with. A shape written outside the
    /// stages was for the first of them.
    fn continue_from(&mut self, previous: &StageRecipe) {
        self.from = match previous.kind {
            StageKind::Sample => previous.model.from.clone(),
            _ => Some(format!("stage:{}", previous.name)),
        };
        self.depth = None;
        self.config.clear();
    }
}

fn has_shape(model: &Table) -> bool {
    ["from", "depth", "config"].iter().any(|key| model.contains_key(*key))
}

fn names_a_stage(name: &str, stages: &[StageRecipe]) -> bool {
    stages.iter().enumerate().any(|(idx, stage)| stage.name == name || idx.to_string() == name)
}

fn resolve_stage(
    shared: &Table,
    own: Table,
    default_name: &str,
    idx_in_chain: Option<usize>,
    sets: &[Setting],
) -> Result<StageRecipe> {
    let (is_chain, stage_idx) = (idx_in_chain.is_some(), idx_in_chain.unwrap_or(0));
    let mut chosen = shared.clone();
    merge(&mut chosen, own);
    let stage_name = chosen.get("name").and_then(Value::as_str).unwrap_or(default_name).to_owned();
    for set in sets {
        let applies = match &set.stage {
            None => true,
            Some(stage) => *stage == stage_name || *stage == stage_idx.to_string(),
        };
        if applies {
            set.apply(&mut chosen)?;
        }
    }
    let kind = match chosen.get("kind") {
        None => StageKind::default(),
        Some(value) => value.clone().try_into().map_err(|e| bad_value("kind", &e))?,
    };
    if kind != StageKind::Grpo && is_chain {
        // Written outside the stages, it is for those that reinforce.
        chosen.remove("grpo");
    }
    let mut table = Table::try_from(StageRecipe::defaults(kind))
        .unwrap_or_else(|e| panic!("the default recipe is always valid TOML: {e}"));
    table.insert("name".to_owned(), Value::String(default_name.to_owned()));
    merge(&mut table, chosen);
    table.try_into().map_err(|e| bad_value(&format!("stage `{stage_name}`"), &e))
}

fn bad_value(place: &str, error: &toml::de::Error) -> TrainError {
    TrainError::Recipe(format!("{place}: {}", error.to_string().trim().replace('\n', " ")))
}

/// Lays `over` over `base`: tables key by key, everything else replaced.
fn merge(base: &mut Table, over: Table) {
    if BUDGETS.iter().any(|budget| over.contains_key(*budget)) {
        BUDGETS.iter().for_each(|budget| drop(base.remove(*budget)));
    }
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// One `--set a.b=v`.
struct Setting {
    text: String,
    /// From `stage.NAME.`: the one stage it is for.
    stage: Option<String>,
    path: Vec<String>,
    value: Value,
}

impl Setting {
    fn parse(text: &str) -> Result<Setting> {
        let Some((path, value)) = text.split_once('=') else {
            return Err(TrainError::Recipe(format!("--set {text}: expected a.b=v, such as train.lr=1e-3")));
        };
        let mut path: Vec<String> = path.trim().split('.').map(|part| part.trim().to_owned()).collect();
        let stage = (path[0] == "stage" && path.len() > 2).then(|| path.drain(..2).nth(1)).flatten();
        if matches!(path[0].as_str(), "name" | "run_dir" | "stage") {
            return Err(TrainError::Recipe(format!(
                "--set {text}: `{}` cannot be set; use --run-dir for the place",
                path[0]
            )));
        }
        let value = value.trim();
        // What is no TOML value is a text, so that quotes may be left out.
        let value = match format!("v = {value}").parse::<Table>() {
            Ok(mut table) => table.remove("v").unwrap_or_else(|| Value::String(value.to_owned())),
            Err(_) => Value::String(value.to_owned()),
        };
        let mut nested = value.clone();
        for part in path.iter().rev().filter(|part| part.parse::<usize>().is_err()) {
            nested = Value::Table(Table::from_iter([(part.clone(), nested)]));
        }
        if let Value::Table(table) = nested {
            keys::check(&table)?;
        }
        Ok(Setting { text: text.to_owned(), stage, path, value })
    }

    fn apply(&self, stage: &mut Table) -> Result<()> {
        let (last, sections) = self.path.split_last().expect("a path has a part");
        let mut table = stage;
        let mut at = 0;
        while at < sections.len() {
            let below = table.entry(sections[at].clone()).or_insert_with(|| Value::Table(Table::new()));
            at += 1;
            table = match below {
                Value::Table(below) => below,
                Value::Array(items) => {
                    let n_items = items.len();
                    let index = sections.get(at).and_then(|part| part.parse::<usize>().ok());
                    at += 1;
                    index.and_then(|i| items.get_mut(i)).and_then(Value::as_table_mut).ok_or_else(|| {
                        self.misfit(&format!("expected a number under {n_items} after `{}`", sections[at - 2]))
                    })?
                }
                _ => return Err(self.misfit(&format!("`{}` is not a section", sections[at - 1]))),
            };
        }
        merge(table, Table::from_iter([(last.clone(), self.value.clone())]));
        Ok(())
    }

    fn misfit(&self, reason: &str) -> TrainError {
        TrainError::Recipe(format!("--set {}: {reason}", self.text))
    }
}
