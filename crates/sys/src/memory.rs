//! How much memory there is, how much of it is free, and how much this process has used.

use std::path::Path;

use crate::cpu::value_of;

/// Bytes of memory that this process could use in all: the machine's, or its container's limit if that is lower.
pub fn total_bytes() -> Option<u64> {
    let machine = meminfo("MemTotal").or_else(physical_bytes);
    match (machine, cgroup().map(|(limit, _)| limit)) {
        (Some(machine), Some(limit)) => Some(machine.min(limit)),
        (machine, limit) => machine.or(limit),
    }
}

/// Bytes that could be allocated now without swapping: free memory and caches that the system would give up.
pub fn available_bytes() -> Option<u64> {
    let machine = meminfo("MemAvailable").or_else(physical_bytes);
    match (machine, cgroup()) {
        (Some(machine), Some((limit, used))) => Some(machine.min(limit.saturating_sub(used))),
        (machine, _) => machine,
    }
}

/// The most memory that this process ever held, in bytes.
pub fn peak_rss_bytes() -> Option<u64> {
    // Linux counts in KiB, macOS in bytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    crate::cpu::usage().map(|u| u.ru_maxrss.max(0) as u64 * unit)
}

/// The memory that this process holds now, in bytes.
pub fn rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    kib(&value_of(&status, "VmRSS")?)
}

fn meminfo(key: &str) -> Option<u64> {
    kib(&value_of(&std::fs::read_to_string("/proc/meminfo").ok()?, key)?)
}

fn kib(value: &str) -> Option<u64> {
    let n: u64 = value.strip_suffix("kB")?.trim().parse().ok()?;
    n.checked_mul(1024)
}

fn physical_bytes() -> Option<u64> {
    // SAFETY: `sysconf` takes no pointer and is always safe to call.
    let (pages, size) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    u64::try_from(pages).ok()?.checked_mul(u64::try_from(size).ok()?)
}

/// Limit and use of this process's control group (v2, else v1), where one is set.
fn cgroup() -> Option<(u64, u64)> {
    let read = |path: &Path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let v2 = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    let v2 = Path::new("/sys/fs/cgroup").join(v2.trim_start_matches('/'));
    // The limit may be set on any group above this process's own.
    let tightest = v2
        .ancestors()
        .take_while(|dir| dir.starts_with("/sys/fs/cgroup"))
        .filter_map(|dir| Some((read(&dir.join("memory.max"))?, read(&dir.join("memory.current"))?)))
        .min_by_key(|(limit, used)| limit.saturating_sub(*used));
    tightest.or_else(|| {
        let v1 = Path::new("/sys/fs/cgroup/memory");
        // v1 says "no limit" as a number near 2^63.
        let limit = read(&v1.join("memory.limit_in_bytes")).filter(|limit| *limit < 1 << 60)?;
        Some((limit, read(&v1.join("memory.usage_in_bytes"))?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_answers() {
        assert_eq!(kib("12 kB"), Some(12288));
        let (total, available) = (total_bytes().unwrap(), available_bytes().unwrap());
        assert!(available <= total && total > 1 << 20);
        assert!(peak_rss_bytes().unwrap() > 1 << 16);
    }
}
