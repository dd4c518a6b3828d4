//! The hardware catalogue: chips by name, each figure with who published it and when.
//!
//! The catalogue that ships is a file that people can read, `catalogue/catalogue.toml`, and so is a user's own, whose
//! chips replace or join them. This machine joins by measurement: `penseur bench --save`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::error::nearest;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::machine::Machine;

/// The name of this machine among chips.
pub const THIS_MACHINE: &str = "this-machine";

const SHIPPED: &str = include_str!("catalogue/catalogue.toml");

/// What a chip is and what it can do at most. Rates are 1e12 operations a second, bandwidths 1e9 bytes a second one way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chip {
    /// The name by which it is asked for; the key of its table.
    #[serde(default, skip_deserializing)]
    pub id: String,
    /// The name that people write.
    pub name: String,
    /// Chips that share the fast link.
    pub per_node: u64,
    /// BF16 (or FP16), dense.
    pub bf16_tflops: f64,
    /// FP8, dense; `None`: the chip has none.
    pub fp8_tflops: Option<f64>,
    /// Memory, 1e9 bytes.
    pub memory_gb: f64,
    /// Memory's bandwidth.
    pub memory_gb_s: f64,
    /// To the node's other chips, as achieved.
    pub link_gb_s: f64,
    /// To other nodes, as achieved, for each chip.
    pub nic_gb_s: f64,
    /// Units that computation and communication share.
    pub n_sm: u64,
    /// Share of the BF16 peak that the best matrix product measured reaches.
    #[serde(default = "usual_gemm")]
    pub gemm_bf16: f64,
    /// The same in FP8.
    #[serde(default = "usual_gemm")]
    pub gemm_fp8: f64,
    /// At full load.
    pub watts: f64,
    /// The rest of the machine's power, as a share of the chips'.
    #[serde(default = "usual_host_share")]
    pub host_share: f64,
    /// Dollars for a chip-hour.
    pub price: Option<f64>,
    /// Dollars for a chip in its server.
    pub buy: Option<f64>,
    /// For each group of figures, who published it and when.
    #[serde(default)]
    pub source: BTreeMap<String, String>,
}

/// Between the best (A100, 0.87) and the worst (MI300X, 0.51) that were measured; `catalogue.toml` has the source.
fn usual_gemm() -> f64 {
    0.7
}

/// A DGX H100 draws 10.2 kW at most with eight chips of 700 W (NVIDIA's data sheet, 2023), and not all at once.
fn usual_host_share() -> f64 {
    0.5
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    chip: BTreeMap<String, Chip>,
}

/// Chips by name.
#[derive(Clone, Debug)]
pub struct Catalogue {
    chips: BTreeMap<String, Chip>,
}

impl Catalogue {
    /// The one that ships.
    pub fn shipped() -> Catalogue {
        let chips = parse(SHIPPED).unwrap_or_else(|e| panic!("catalogue.toml: {e}"));
        Catalogue { chips }
    }

    /// The one that ships, the user's own where there is one, and `extra` on top.
    ///
    /// # Errors
    /// A file that cannot be read, or that is not a catalogue; the message has the path.
    pub fn load(extra: Option<&Path>) -> Result<Catalogue> {
        let mut catalogue = Catalogue::shipped();
        if let Some(own) = own_path().filter(|path| path.is_file()) {
            catalogue.add_file(&own)?;
        }
        if let Some(path) = extra {
            catalogue.add_file(path)?;
        }
        Ok(catalogue)
    }

    fn add_file(&mut self, path: &Path) -> Result<()> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        let mut chips = parse(&text).map_err(|message| Error::Catalogue { path: path.to_owned(), message })?;
        for chip in chips.values_mut() {
            let mut said = vec!["rates", "memory", "links"];
            if chip.price.is_some() {
                said.push("price");
            }
            if chip.gemm_bf16 != usual_gemm() || chip.gemm_fp8 != usual_gemm() {
                said.push("gemm");
            }
            for group in said {
                chip.source.entry(group.to_owned()).or_insert_with(|| format!("your file {}", path.display()));
            }
        }
        self.chips.extend(chips);
        Ok(())
    }

    /// The chip that is called `name`, whatever its case; `this` is this machine, where it is known.
    ///
    /// # Errors
    /// An unknown name, with the nearest known one.
    pub fn chip(&self, name: &str) -> Result<&Chip> {
        let wanted = match id_of(name) {
            this if this == "this" => THIS_MACHINE.to_owned(),
            other => other,
        };
        if let Some(chip) = self.chips.get(&wanted) {
            return Ok(chip);
        }
        let near = nearest(&wanted, self.chips.keys().map(String::as_str)).map(str::to_owned);
        Err(Error::Chip { found: name.to_owned(), near, known: self.chips.keys().cloned().collect() })
    }

    /// Adds a chip, in place of one of the same name.
    pub fn add(&mut self, chip: Chip) {
        self.chips.insert(chip.id.clone(), chip);
    }

    /// All chips, by name.
    pub fn chips(&self) -> impl Iterator<Item = &Chip> {
        self.chips.values()
    }
}

/// Where a user's own catalogue is looked for: `penseur/catalogue.toml` in `$XDG_CONFIG_HOME` or `~/.config`.
pub fn own_path() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(config.join("penseur").join("catalogue.toml"))
}

/// A name as it is asked for: case and blanks say nothing.
fn id_of(name: &str) -> String {
    name.to_lowercase().split_whitespace().collect()
}

fn parse(text: &str) -> std::result::Result<BTreeMap<String, Chip>, String> {
    let file: File = toml::from_str(text).map_err(|e| e.to_string())?;
    let mut chips: BTreeMap<String, Chip> = BTreeMap::new();
    let mut written: BTreeMap<String, String> = BTreeMap::new();
    for (id, mut chip) in file.chip {
        chip.id = id_of(&id);
        let refuse = |what: String| Err(format!("chip.{id}: {what}"));
        match chip.id.as_str() {
            "" => return Err(format!("chip.\"{id}\": expected a name, such as chip.x1")),
            "this" => return refuse(format!("`this` is this machine, {THIS_MACHINE}; expected another name")),
            _ => {}
        }
        if let Some(other) = written.insert(chip.id.clone(), id.clone()) {
            return refuse(format!("the same name as chip.{other}: case and blanks say nothing; expected another"));
        }
        if let Err(what) = check(&chip) {
            return refuse(what);
        }
        chips.insert(chip.id.clone(), chip);
    }
    Ok(chips)
}

/// More operations a second and watt (1e12) than this no chip has by far: B200's are 2.25 (NVIDIA DGX B200 data sheet, 2024).
const MOST_TFLOPS_A_WATT: f64 = 50.0;

/// The figures of a chip with the most that is believed: a few times those of the largest one sold, a whole wafer (Cerebras
/// WSE-3 data sheet, 2024: 125,000 TFLOP/s, 2.1e7 GB/s, 900,000 cores, 23 kW).
fn check(chip: &Chip) -> std::result::Result<(), String> {
    let positive = [
        ("bf16_tflops", chip.bf16_tflops, 5e5),
        ("fp8_tflops", chip.fp8_tflops.unwrap_or(1.0), 1e6),
        ("memory_gb", chip.memory_gb, 1e6),
        ("memory_gb_s", chip.memory_gb_s, 5e7),
        ("link_gb_s", chip.link_gb_s, 1e6),
        ("nic_gb_s", chip.nic_gb_s, 1e5),
        ("watts", chip.watts, 1e5),
        ("per_node", chip.per_node as f64, 1e5),
        ("n_sm", chip.n_sm as f64, 2e6),
    ];
    for (key, value, most) in positive {
        if !(value > 0.0 && value <= most) {
            return Err(format!("{key} is {value}, expected more than 0 and at most {most}{}", slip(value, most)));
        }
    }
    let shares = [("gemm_bf16", chip.gemm_bf16, 1.0), ("gemm_fp8", chip.gemm_fp8, 1.0)];
    if let Some((key, value, most)) = shares.into_iter().find(|(_, value, most)| !(*value > 0.0 && value <= most)) {
        return Err(format!("{key} is {value}, expected a share above 0, at most {most}"));
    }
    if !(0.0..=10.0).contains(&chip.host_share) {
        return Err(format!("host_share is {}, expected a share of the chips' power, from 0 to 10", chip.host_share));
    }
    if let Some(fp8) = chip.fp8_tflops.filter(|fp8| !(0.5..=16.0).contains(&(fp8 / chip.bf16_tflops))) {
        return Err(format!("fp8_tflops is {fp8} beside {} of BF16, expected once or twice as many", chip.bf16_tflops));
    }
    let a_watt = chip.bf16_tflops / chip.watts;
    if a_watt > MOST_TFLOPS_A_WATT {
        return Err(format!(
            "bf16_tflops of {} at {} W is {} a watt, expected at most {MOST_TFLOPS_A_WATT}: B200 has 2.25",
            chip.bf16_tflops,
            chip.watts,
            crate::text::significant(a_watt)
        ));
    }
    let prices = [("price", chip.price, 1e4), ("buy", chip.buy, 1e8)];
    if let Some((key, value, most)) =
        prices.into_iter().find(|(_, value, most)| value.is_some_and(|v| !(0.0..=*most).contains(&v)))
    {
        return Err(format!("{key} is {}, expected dollars, from 0 to {most}", value.unwrap_or_default()));
    }
    let now = this_year();
    let future =
        |text: &str| words(text).filter_map(|word| word.parse::<u32>().ok()).any(|year| year > now && year < 2100);
    match chip.source.iter().find(|(_, text)| future(text)) {
        Some((group, text)) => Err(format!("source.{group} is \"{text}\", a date in the future: it is {now}")),
        None => Ok(()),
    }
}

/// What makers write of a link, both ways together, 1e9 bytes a second: NVIDIA's data sheets of V100, A100, H100 and
/// B200, and V3's report of H800.
const BOTH_WAYS: [(f64, &str); 5] = [
    (300.0, "V100's NVLink"),
    (400.0, "H800's NVLink"),
    (600.0, "A100's NVLink"),
    (900.0, "H100's NVLink"),
    (1800.0, "B200's NVLink"),
];

/// A figure in another unit, where that is what it looks like.
fn slip(value: f64, most: f64) -> &'static str {
    match value > most {
        true => "; rates are 1e12 operations a second, memory 1e9 bytes, bandwidths 1e9 bytes a second",
        false => "",
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '.').map(|word| word.trim_matches('.'))
}

/// By this machine's clock.
fn this_year() -> u32 {
    const SECONDS: f64 = 365.2425 * 86_400.0;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    1970 + (since.as_secs_f64() / SECONDS) as u32
}

impl Chip {
    /// This machine as a chip of which there is one, from its measured limits and the price of a core-hour.
    pub fn of_machine(machine: &Machine, dollars_per_core_hour: f64) -> Chip {
        let measured = format!("measured by penseur: {}", machine.describe());
        let priced = format!("${dollars_per_core_hour} a core-hour, of which this machine has {}", machine.cores);
        Chip {
            id: THIS_MACHINE.to_owned(),
            name: format!("{} ({} cores)", machine.cpu, machine.cores),
            per_node: 1,
            bf16_tflops: rounded(machine.bf16_gflops / 1e3),
            fp8_tflops: None,
            memory_gb: rounded(machine.memory_bytes.unwrap_or(8 << 30) as f64 / 1e9),
            memory_gb_s: rounded(machine.memory_gb_s),
            link_gb_s: rounded(machine.memory_gb_s),
            nic_gb_s: 1.0,
            n_sm: machine.cores as u64,
            // The rate is a measured one already.
            gemm_bf16: 1.0,
            gemm_fp8: 1.0,
            // The ledger has joules where the machine reports them.
            watts: crate::assumptions::WATTS_A_CORE * machine.cores as f64,
            host_share: usual_host_share(),
            price: Some(dollars_per_core_hour * machine.cores as f64),
            buy: None,
            source: [
                ("rates", measured.clone()),
                ("gemm", measured.clone()),
                ("memory", measured),
                ("links", "one machine has no others".to_owned()),
                ("price", priced),
            ]
            .map(|(group, text)| (group.to_owned(), text))
            .into(),
        }
    }

    /// Adds the chip to the catalogue file at `path`, in place of one of the same name.
    ///
    /// # Errors
    /// A file there that is not a catalogue, or cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(io(e)),
        };
        let wrong = |message: String| Error::Catalogue { path: path.to_owned(), message };
        let mut file: toml::Table = text.parse().map_err(|e: toml::de::Error| wrong(e.to_string()))?;
        let mut entry = toml::Table::try_from(self).map_err(|e| wrong(e.to_string()))?;
        entry.remove("id");
        let chips = file.entry("chip").or_insert_with(|| toml::Value::Table(toml::Table::new()));
        let chips = chips.as_table_mut().ok_or_else(|| wrong("`chip` is not a table".to_owned()))?;
        chips.insert(self.id.clone(), toml::Value::Table(entry));
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(io)?;
        }
        let text = toml::to_string_pretty(&file).map_err(|e| wrong(e.to_string()))?;
        std::fs::write(path, text).map_err(io)
    }

    /// 1e12 operations a second in FP8 or BF16 at most.
    ///
    /// # Errors
    /// A chip without FP8.
    pub fn peak_tflops(&self, fp8: bool) -> Result<f64> {
        match (fp8, self.fp8_tflops) {
            (false, _) => Ok(self.bf16_tflops),
            (true, Some(rate)) => Ok(rate),
            (true, None) => Err(Error::Layout {
                found: format!("precision=fp8 on {}", self.name),
                expected: "a chip with FP8".to_owned(),
                nearest: "precision=bf16".to_owned(),
            }),
        }
    }

    /// Who measured the best product in FP8 or BF16; `None` where the usual share is taken for it.
    pub fn gemm_source(&self, fp8: bool) -> Option<&str> {
        let share = if fp8 { self.gemm_fp8 } else { self.gemm_bf16 };
        self.source.get("gemm").filter(|_| share != usual_gemm()).map(String::as_str)
    }

    /// A link as fast as a data sheet says of both ways together is told: here it is one way, as achieved.
    pub fn link_note(&self) -> Option<String> {
        let (both, whose) = BOTH_WAYS.iter().find(|(both, _)| *both == self.link_gb_s)?;
        Some(format!(
            "{}: link_gb_s = {both} is what data sheets give of {whose} for both ways together; a catalogue has one \
             way, as achieved: half of it x 0.8 = {}.",
            self.name,
            crate::text::significant(0.4 * both)
        ))
    }

    /// What a reader should know of the usual share where it is taken.
    pub fn gemm_note(&self, fp8: bool) -> Option<String> {
        let (share, key) = if fp8 { (self.gemm_fp8, "gemm_fp8") } else { (self.gemm_bf16, "gemm_bf16") };
        self.gemm_source(fp8).is_none().then(|| {
            format!(
                "Nobody measured products on {}: the best is assumed to reach {share} of the peak, between the best and the \
                 worst chip that were measured; {key} in a catalogue says it.",
                self.name
            )
        })
    }

    /// Dollars for a chip-hour: what the user says, or the catalogue's.
    ///
    /// # Errors
    /// Neither is known.
    pub fn price(&self, stated: Option<f64>) -> Result<(f64, String)> {
        match (stated, self.price) {
            (Some(price), _) => Ok((price, "stated by the user".to_owned())),
            (None, Some(price)) => Ok((price, self.source.get("price").cloned().unwrap_or_default())),
            (None, None) => Err(Error::NoPrice { chip: self.id.clone() }),
        }
    }
}

/// In four digits, as people read it.
fn rounded(x: f64) -> f64 {
    format!("{x:.3e}").parse().unwrap_or(x)
}

#[cfg(test)]
mod tests;
