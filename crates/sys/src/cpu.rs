//! Which processor this is, how many cores there are to use, and how much of them this process has used.

use std::collections::BTreeSet;
use std::thread::available_parallelism;

/// The processor's name as it reports it, or the architecture where the system does not say.
pub fn model_name() -> String {
    let from_cpuinfo = std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| ["model name", "Model", "cpu model"].iter().find_map(|key| value_of(&text, key)));
    from_cpuinfo.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// Hardware threads that this process may use (affinity and container quota included).
pub fn logical_cores() -> usize {
    available_parallelism().map_or(1, |n| n.get())
}

/// Physical cores that this process may use: two hardware threads of one core count once. Floating-point work gains
/// nothing from the second thread, so this is how many threads kernels want.
pub fn physical_cores() -> usize {
    let logical = logical_cores();
    let Some(allowed) = allowed_cpus() else {
        return logical;
    };
    let cores: BTreeSet<String> = allowed
        .iter()
        .filter_map(|cpu| {
            let path = format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list");
            std::fs::read_to_string(path).ok()
        })
        .collect();
    if cores.is_empty() { logical } else { cores.len().min(logical) }
}

/// Processor time of this process so far, in seconds, summed over its threads (user and system).
pub fn process_cpu_seconds() -> Option<f64> {
    usage().map(|u| seconds(u.ru_utime) + seconds(u.ru_stime))
}

/// Seconds that this process's threads have waited for a core while others had them, summed over the threads that live.
pub fn waited_seconds() -> Option<f64> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let waited = |task: std::fs::DirEntry| parse_waited(&std::fs::read_to_string(task.path().join("schedstat")).ok()?);
    // A thread that ends meanwhile has no file any more.
    let all: Vec<f64> = tasks.flatten().filter_map(waited).collect();
    (!all.is_empty()).then(|| all.iter().sum())
}

/// Of a thread's `schedstat` (time on a core, time waiting for one, in nanoseconds, and turns) the second.
fn parse_waited(schedstat: &str) -> Option<f64> {
    let ns: u64 = schedstat.split_whitespace().nth(1)?.parse().ok()?;
    Some(ns as f64 * 1e-9)
}

pub(crate) fn usage() -> Option<libc::rusage> {
    // SAFETY: all-zero bytes are a valid `rusage` (integers only), and the pointer is to that local, valid for a write.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::getrusage(libc::RUSAGE_SELF, &mut usage) == 0).then_some(usage)
    }
}

fn seconds(t: libc::timeval) -> f64 {
    t.tv_sec as f64 + t.tv_usec as f64 * 1e-6
}

/// CPU numbers from `Cpus_allowed_list` in `/proc/self/status`, as in `0-3,8`.
fn allowed_cpus() -> Option<Vec<usize>> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    parse_cpu_list(&value_of(&status, "Cpus_allowed_list")?)
}

fn parse_cpu_list(list: &str) -> Option<Vec<usize>> {
    let mut cpus = Vec::new();
    for range in list.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        if last < first || last - first > 1 << 16 {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

/// The value in the first line `key : value` of a `/proc` file.
pub(crate) fn value_of(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_proc_formats() {
        assert_eq!(parse_cpu_list("0-3,8\n"), Some(vec![0, 1, 2, 3, 8]));
        assert_eq!(parse_cpu_list("3-1"), None);
        assert_eq!((parse_waited("5000 1500000000 7\n"), parse_waited("5000")), (Some(1.5), None));
        assert_eq!(value_of("a : 1\nmodel name\t: EPYC: 9\n", "model name").unwrap(), "EPYC: 9");
    }

    #[test]
    fn this_machine_answers() {
        assert!(!model_name().is_empty());
        assert!((1..=logical_cores()).contains(&physical_cores()));
        assert!(process_cpu_seconds().unwrap() >= 0.0);
        assert!(waited_seconds().unwrap_or(0.0) >= 0.0);
    }
}
