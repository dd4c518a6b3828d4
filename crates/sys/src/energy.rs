//! Energy of the processor packages, where the system lets an ordinary user read it (RAPL; root only by default since
//! Linux 5.10, and absent in most virtual machines).

use std::path::{Path, PathBuf};

/// Adds up what the packages' energy counters report. The counters wrap after some minutes to hours, so read it at
/// least once a minute.
#[derive(Debug)]
pub struct EnergyMeter {
    packages: Vec<Package>,
    joules: f64,
}

#[derive(Debug)]
struct Package {
    counter: PathBuf,
    range_uj: u64,
    last_uj: u64,
}

impl EnergyMeter {
    /// Starts counting from now; `None` where there is no counter or it may not be read.
    pub fn start() -> Option<EnergyMeter> {
        EnergyMeter::in_dir(Path::new("/sys/class/powercap"))
    }

    /// Joules since [`EnergyMeter::start`].
    pub fn joules(&mut self) -> f64 {
        for package in &mut self.packages {
            let Some(now_uj) = read(&package.counter) else {
                continue;
            };
            let spent_uj = if now_uj >= package.last_uj {
                now_uj - package.last_uj
            } else {
                package.range_uj.saturating_sub(package.last_uj) + now_uj
            };
            package.last_uj = now_uj;
            self.joules += spent_uj as f64 * 1e-6;
        }
        self.joules
    }

    fn in_dir(dir: &Path) -> Option<EnergyMeter> {
        let mut packages = Vec::new();
        for entry in std::fs::read_dir(dir).ok()?.flatten() {
            // `intel-rapl:0` is a package (also on AMD); `intel-rapl:0:1` a part of it, which must not count twice.
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with("intel-rapl:") || name.matches(':').count() != 1 {
                continue;
            }
            let counter = entry.path().join("energy_uj");
            if let Some(last_uj) = read(&counter) {
                let range_uj = read(&entry.path().join("max_energy_range_uj")).unwrap_or(last_uj);
                packages.push(Package { counter, range_uj, last_uj });
            }
        }
        (!packages.is_empty()).then_some(EnergyMeter { packages, joules: 0.0 })
    }
}

fn read(path: &Path) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_packages_once_and_across_a_wrap() {
        let dir = std::env::temp_dir().join(format!("penseur-rapl-{}", std::process::id()));
        let set = |name: &str, energy_uj: u64| {
            std::fs::create_dir_all(dir.join(name)).unwrap();
            std::fs::write(dir.join(name).join("energy_uj"), energy_uj.to_string()).unwrap();
            std::fs::write(dir.join(name).join("max_energy_range_uj"), "10000000").unwrap();
        };
        set("intel-rapl:0", 9_000_000);
        set("intel-rapl:0:0", 9_000_000);
        let mut meter = EnergyMeter::in_dir(&dir).unwrap();
        set("intel-rapl:0", 500_000);
        set("intel-rapl:0:0", 9_500_000);
        assert!((meter.joules() - 1.5).abs() < 1e-9);
        assert!((meter.joules() - 1.5).abs() < 1e-9);
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(EnergyMeter::in_dir(&dir).is_none());
    }
}
